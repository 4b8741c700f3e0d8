"""What to say where memory runs out: whose it is, and what of a command's options needs less."""

import click

_SAID = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")
# As torch says it of the CPU; numpy and Python raise a MemoryError.
_OF_CPU = ("not enough memory", "can't allocate memory")


def ran_out(error: Exception) -> bool:
    """Whether an error says that memory ran out; torch, which is not imported for this, raises RuntimeErrors."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(one in said for one in _SAID))


def advice(error: Exception, command: click.Command, continued: bool) -> str:
    """One line for an error that :func:`ran_out`; ``continued`` says that the command goes on where it stopped."""
    options = {parameter.name for parameter in command.params}
    said = str(error).lower()
    on_cpu = isinstance(error, MemoryError) or any(one in said for one in _OF_CPU)
    ways = []
    if "batch_size" in options and "per_pass" not in options:
        ways.append("a smaller --batch-size")
    if "device" in options and not on_cpu:
        ways.append("--device cpu")
    if "per_pass" in options:
        ways.append("a smaller --per-pass in a new folder")
    first = "close other programs" if on_cpu else "free some of it"
    goes_on = "; the command continues where it stopped" if continued else ""
    who = "machine" if on_cpu else "device"
    return f"the {who} has too little memory: {first}{', or take ' if ways else ''}{', or '.join(ways)}{goes_on}"
