"""Files and arrays in, tensors out.

`read_images` and `images_from_arrays` make a `Dataset` (values, schema, split, labels, quarantine); `Batches` hands its
rows to a training loop in an order that is a pure function of the seed and the epoch. Nothing here knows a model.

    image     the door: which reader belongs to what the user typed
    names     the data sets that have a name;  download  those that come over the network;  sprites  one that is drawn
    arrays    numpy arrays, tensors, torch data sets;  idx, numpy_files  the same in files
    folder    a folder of image files;  survey, layout, decode, cache  its four steps
    split     train, validation, test by content;  batches  the order of training
"""

from __future__ import annotations

from vaekit.data.arrays import images_from_arrays
from vaekit.data.batches import Batches, Stored, sequential, unpacked
from vaekit.data.dataset import Dataset, ImageSchema, Quarantined
from vaekit.data.image import read_images
from vaekit.data.names import name_of
from vaekit.data.split import hold_out_test, hold_out_validation, split_by_content

__all__ = [
    "Batches",
    "Dataset",
    "ImageSchema",
    "Quarantined",
    "Stored",
    "hold_out_test",
    "hold_out_validation",
    "images_from_arrays",
    "name_of",
    "read_images",
    "sequential",
    "split_by_content",
    "unpacked",
]
