"""Walks over all verbs, in Python and on the command line. The verbs are read off the code: a new one is in by existing."""

import inspect

import typer.main
from typer.testing import CliRunner

from vaekit.errors import DataNotAtHand, NotApplicable
from vaekit.interfaces.cli import app
from vaekit.trained import TrainedModel

NOT_VERBS = {"load", "save", "with_model", "open", "prepared", "encoded", "generated", "examined"}
"""Methods that are parts of verbs, or make another model."""


def verbs(model):
    """Return the names of the verbs of a trained model, or of a run."""
    public = {name for name, _ in inspect.getmembers(type(model), inspect.isfunction) if not name.startswith("_")}
    return sorted(public - NOT_VERBS)


def call(model, verb, known):
    """Call a verb with what its parameters are called; return its result, or the sentence that says why it has none."""
    method = getattr(model, verb)
    wanted = {
        name: known[name]
        for name, parameter in inspect.signature(method).parameters.items()
        if name in known or parameter.default is inspect.Parameter.empty
    }
    args = [value for name, value in wanted.items() if _is_variadic(method, name)]
    named = {name: value for name, value in wanted.items() if not _is_variadic(method, name)}
    try:
        return method(**named) if not args else method(*named.values(), *args[0])
    except (NotApplicable, DataNotAtHand) as error:
        return error


def _is_variadic(method, name):
    return inspect.signature(method).parameters[name].kind is inspect.Parameter.VAR_POSITIONAL


def commands():
    """Return the commands of the program by their names."""
    return typer.main.get_command(app).commands


def typed(command, known):
    """Return the words of a command, from what its required parameters are called."""
    words = []
    for parameter in command.params:
        if not parameter.required and parameter.name not in known.get("also", ()):
            continue
        values = known[parameter.name]
        values = values if isinstance(values, list) else [values]
        for value in values:
            words += [parameter.opts[0], str(value)] if parameter.param_type_name == "option" else [str(value)]
    return words


def run(name, words):
    """Run a command in this process; return its exit code and what it wrote."""
    result = CliRunner().invoke(app, [name, *words])
    assert "Traceback" not in result.output, result.output
    return result.exit_code, result.stdout, result.stderr


assert set(NOT_VERBS) - {"examined"} <= {name for name, _ in inspect.getmembers(TrainedModel)}
