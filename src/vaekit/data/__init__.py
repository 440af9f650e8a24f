"""Files and arrays in, tensors out.

Each kind of data has two doors, one for files and names and one for what is in memory, and a test that says whether a
source is its own:

    images  read_images, images_from_arrays    is_image, is_images_in_memory
    texts   read_text, texts_to_dataset        is_text, is_texts_in_memory
    tables  read_table, table_to_dataset       is_table, is_frame

All doors make a `Dataset` (values, schema, split, labels, quarantine). `Batches` hands its rows to a training loop, in an
order that is a pure function of the seed and the epoch. Nothing here knows a model.

    image      the door of images;  names, download, sprites  the data sets that have a name
    arrays     numpy arrays and tensors;  items  torch data sets and lists;  idx, numpy_files  arrays in files
    folder     a folder of image files;  survey, layout, decode, cache  its four steps;  files  what lies below a folder
    text       the door of texts;  text_files, text_tables, text_folder  the files;  text_options  how they are read
    corpus     the first reading of texts;  text_encoding, text_rows, text_cache  from texts to rows of ids
    text_schema, tokenizers, words  tokens
    table      tables: files and frames, the kinds of their columns, and the way into rows of numbers and back
    delimited  CSV and its relatives, for tables and texts alike;  arrow  pyarrow
    split      train, validation, test by content;  batches  the order of training
    stored     what batches are taken from: tensors, or data of unequal sizes
"""

from __future__ import annotations

from vaekit.data.arrays import images_from_arrays
from vaekit.data.batches import Batches, sequential
from vaekit.data.dataset import Dataset, ImageSchema, Quarantined
from vaekit.data.image import is_image, read_images
from vaekit.data.items import is_images_in_memory
from vaekit.data.names import name_of
from vaekit.data.split import hold_out_test, hold_out_validation, split_by_content
from vaekit.data.stored import Conditioned, Stored, TensorRows, as_stored, unpacked
from vaekit.data.table import TableSchema, read_table, table_to_dataset
from vaekit.data.table.codec import Slot
from vaekit.data.table.peek import is_frame, is_table
from vaekit.data.text import is_text, is_texts_in_memory, read_text, texts_to_dataset
from vaekit.data.text_schema import TextSchema, text_lengths

__all__ = [
    "Batches",
    "Conditioned",
    "Dataset",
    "ImageSchema",
    "Quarantined",
    "Slot",
    "Stored",
    "TableSchema",
    "TensorRows",
    "TextSchema",
    "as_stored",
    "hold_out_test",
    "hold_out_validation",
    "images_from_arrays",
    "is_frame",
    "is_image",
    "is_images_in_memory",
    "is_table",
    "is_text",
    "is_texts_in_memory",
    "name_of",
    "read_images",
    "read_table",
    "read_text",
    "sequential",
    "split_by_content",
    "table_to_dataset",
    "text_lengths",
    "texts_to_dataset",
    "unpacked",
]
