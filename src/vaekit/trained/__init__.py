"""Trained models: one object with every verb, apart from the run that it came from.

trained_model    the verbs;  latents, latent_space  groups of latents and walks in them
opening          its own data and others;  conditions  what it is conditioned on;  files  save and load
"""

from vaekit.trained.conditions import Conditions, Label
from vaekit.trained.latent_space import LatentSpace, Way
from vaekit.trained.latents import Encoding, Latents
from vaekit.trained.opening import Data, Source, typed
from vaekit.trained.trained_model import TrainedModel, Traversal

__all__ = [
    "Conditions",
    "Data",
    "Encoding",
    "Label",
    "LatentSpace",
    "Latents",
    "Source",
    "TrainedModel",
    "Traversal",
    "Way",
    "typed",
]
