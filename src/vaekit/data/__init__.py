"""Files and arrays in, tensors out.

`read_images` and `images_from_arrays`, `read_text` and `texts_to_dataset`, `read_table` and `table_to_dataset` make a `Dataset` (values, schema, split, labels,
quarantine); `Batches` hands its rows to a training loop in an order that is a pure function of the seed and the epoch.
Nothing here knows a model.

    image     the door: which reader belongs to what the user typed
    names     the data sets that have a name;  download  those that come over the network;  sprites  one that is drawn
    arrays    numpy arrays, tensors, torch data sets;  idx, numpy_files  the same in files
    folder    a folder of image files;  survey, layout, decode, cache  its four steps
    text      the door of texts;  text_files, text_tables, text_folder  what they are read from
    corpus    the first reading;  text_encoding, text_rows, text_cache  its way into rows of ids
    text_schema, tokenizers, words  what a token is
    table     tables: files and frames, what their columns are, and the way into rows of numbers and back
    split     train, validation, test by content;  batches  the order of training
    stored    what batches are taken from: tensors, or data of unequal sizes
"""

from __future__ import annotations

from vaekit.data.arrays import images_from_arrays
from vaekit.data.batches import Batches, sequential
from vaekit.data.dataset import Dataset, ImageSchema, Quarantined
from vaekit.data.image import read_images
from vaekit.data.names import name_of
from vaekit.data.split import hold_out_test, hold_out_validation, split_by_content
from vaekit.data.stored import Conditioned, Stored, TensorRows, as_stored, unpacked
from vaekit.data.table import TableSchema, read_table, table_to_dataset
from vaekit.data.table.codec import Slot
from vaekit.data.table.peek import is_frame, is_table
from vaekit.data.text import is_text, read_text, texts_to_dataset
from vaekit.data.text_rows import text_lengths
from vaekit.data.text_schema import TextSchema

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
    "is_table",
    "is_text",
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
