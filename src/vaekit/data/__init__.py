"""Files and arrays in, tensors out.

Each kind of data has two doors, one for files and names and one for what is in memory, and a test that says whether a
source is its own:

    images  read_images, images_from_arrays    is_image, is_images_in_memory
    texts   read_text, texts_to_dataset        is_text, is_texts_in_memory
    tables  read_table, table_to_dataset       is_table, is_frame

All doors make a `Dataset` (values, schema, split, labels, quarantine). `Batches` hands its rows to a training loop, in an
order that is a pure function of the seed and the epoch. Nothing here knows a model.

    image      the door of images;  names, sprites  the data sets that have a name
    arrays     numpy arrays and tensors;  items  torch data sets and lists;  array_files  arrays in files
    folder     a folder of image files;  survey, decode, cache  its steps;  files  what lies below a folder
    text       the door of texts;  text_files, text_tables, text_folder  the files
    corpus     the first reading of texts;  text_encoding  from texts to rows of ids
    text_schema, tokenizers, words  tokens
    table      tables: files and frames, the kinds of their columns, and the way into rows of numbers and back
    delimited  CSV and its relatives, for tables and texts alike;  arrow  pyarrow
    split      train, validation, test by content;  batches  the order of training
    stored     what batches are taken from: tensors, or data of unequal sizes
"""

from __future__ import annotations

from vaekit.data.arrays import images_from_arrays as images_from_arrays
from vaekit.data.batches import Batches as Batches, sequential as sequential
from vaekit.data.dataset import Dataset as Dataset, ImageSchema as ImageSchema, Quarantined as Quarantined
from vaekit.data.image import is_image as is_image, read_images as read_images
from vaekit.data.items import is_images_in_memory as is_images_in_memory
from vaekit.data.names import name_of as name_of
from vaekit.data.split import split_by_content as split_by_content
from vaekit.data.stored import (
    Conditioned as Conditioned,
    Stored as Stored,
    TensorRows as TensorRows,
    as_stored as as_stored,
    unpacked as unpacked,
)
from vaekit.data.table import TableSchema as TableSchema, read_table as read_table, table_to_dataset as table_to_dataset
from vaekit.data.table.codec import Slot as Slot
from vaekit.data.table.peek import is_frame as is_frame, is_table as is_table
from vaekit.data.text import (
    is_text as is_text,
    is_texts_in_memory as is_texts_in_memory,
    read_text as read_text,
    texts_to_dataset as texts_to_dataset,
)
from vaekit.data.text_schema import TextSchema as TextSchema, text_lengths as text_lengths
