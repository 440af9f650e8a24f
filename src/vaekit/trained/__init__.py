"""Trained models: one object with every verb, without the folder of the run that it came from.

trained_model    the verbs;  walks  those that move in latent space;  latents, latent_space  groups of latents and their geometry
attributes       vectors of labels
encoding         codes of data, or of a part of their latents
opening          its own data and others;  conditions  labels and vectors as conditions;  files  save and load
"""

from vaekit.trained.conditions import Conditions as Conditions, Label as Label
from vaekit.trained.encoding import Keep as Keep
from vaekit.trained.latent_space import LatentSpace as LatentSpace, Way as Way
from vaekit.trained.latents import Encoding as Encoding, Latents as Latents
from vaekit.trained.opening import Data as Data, Source as Source, typed as typed
from vaekit.trained.trained_model import TrainedModel as TrainedModel
from vaekit.trained.walks import Traversal as Traversal
