"""The sentence for each reason a typed phrase could not be read. Pure; adapters escape it for their platform."""

from typing import assert_never

from bot import phrase as p
from bot.wording.refusals import shorten


def misread(reason: p.Misread) -> str:
    """One or two plain sentences saying what to type instead."""
    match reason:
        case p.UnknownOption(name=name, known=known, nearest=nearest):
            names = [f"--{option}" for option in known]
            there_are = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
            meant = f" Did you mean --{nearest}?" if nearest else ""
            return f"There is no option --{shorten(name, 30)}; there {'are' if known[1:] else 'is'} {there_are}.{meant}"
        case p.MissingValue(name=name):
            return f"The option --{name} needs a value after it."
        case p.RepeatedOption(name=name):
            return f"The option --{name} is there twice. Once is enough."
        case p.NotANumber(name=name, value=value):
            return f"The option --{name} takes a whole number, like --{name} 2, not “{shorten(value, 30)}”."
        case p.NumberTooLong(name=name):
            return f"The number after --{name} is too long."
        case _:
            assert_never(reason)
