"""Media: what each kind of data looks like to people. `MEDIA` is the closed table of them.

medium    what every kind answers;  images, texts, tables, tensors    one room per kind
pictures, column_files    PNG files, and files of columns
"""

from vaekit.interfaces.media.images.medium import ImageMedium
from vaekit.interfaces.media.medium import (
    Answer as Answer,
    Exhibit as Exhibit,
    HeldOut as HeldOut,
    Medium as Medium,
    Output as Output,
    Place as Place,
)
from vaekit.interfaces.media.tables.medium import TableMedium
from vaekit.interfaces.media.tensors import TensorMedium
from vaekit.interfaces.media.texts.medium import TextMedium

MEDIA: dict[str, Medium] = {each.kind: each for each in (ImageMedium(), TextMedium(), TableMedium(), TensorMedium())}
"""How each kind of data is shown, by name; a kind that lacks an entry here is an error, which a test finds."""
