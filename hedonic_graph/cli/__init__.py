"""The program ``hedonic-graph`` (DESIGN §9): a table of commands, each imported only when it is used."""

import errno
from importlib import import_module
from typing import Any

import click

import hedonic_graph
from hedonic_graph.cli import memory
from hedonic_graph.errors import UserError

# Name: (where the command is, its line in --help). The line stands here so that --help imports no command.
COMMANDS = {
    "demo": ("hedonic_graph.cli.demo:demo", "The whole road on the packaged model and text."),
    "analyze": ("hedonic_graph.cli.analyze:analyze", "Capture, value, partition and track into one folder."),
    "finetune": ("hedonic_graph.cli.finetune:finetune", "Train an adapter for one of the paper's tasks."),
    "evaluate": ("hedonic_graph.cli.evaluate:evaluate", "What an analysis's coalitions do, mean and foretell."),
    "probe": ("hedonic_graph.cli.probe:probe", "What can be read of the text in each layer's state."),
    "import": ("hedonic_graph.cli.import_:import_", "Bring in partitions that were computed elsewhere."),
    "ingest": ("hedonic_graph.cli.ingest:ingest", "Load an analysis into the graph."),
    "query": ("hedonic_graph.cli.query:query", "Ask the graph a question by name."),
    "runs": ("hedonic_graph.cli.runs:runs", "List, show and delete the runs in the graph."),
    "store": ("hedonic_graph.cli.store:store", "Start, look at and stop the embedded store."),
    "browser": ("hedonic_graph.cli.browser:browser", "Style and saved queries for Neo4j Browser."),
    "table": ("hedonic_graph.cli.table:table", "The paper's tables from analyses, its claims marked."),
    "bench": ("hedonic_graph.cli.bench:bench", "Measure speed beside a plain reference."),
}

EXAMPLE = """\b
Example:
  hedonic-graph demo
  hedonic-graph query splits"""

CONTINUED = ("analyze", "demo", "evaluate", "finetune", "import", "ingest", "probe", "runs")
"""Commands that begin where an interrupted one stopped."""


class Program(click.Group):
    """A group that imports a command when it is called for, and says a user's mistake in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the road, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; DESIGN §7 says how it may end."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort):
            more = ": the same command continues where this one stopped" if ctx.invoked_subcommand in CONTINUED else ""
            click.echo(f"\nInterrupted{more}.", err=True)
            raise click.exceptions.Exit(130) from None
        except UserError as error:
            if ctx.params["debug"]:
                raise
            _fail(str(error), 2)
        except Exception as error:
            if ctx.params["debug"]:
                raise
            name = ctx.invoked_subcommand
            if memory.ran_out(error) and name and (command := self.get_command(ctx, name)):
                _fail(memory.advice(error, command, name in CONTINUED), 2)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                place = f" writing {error.filename}" if error.filename else ""
                _fail(f"the disk is full{place}: make room and run the same command again", 2)
            if isinstance(error, OSError) and error.strerror:
                _fail(f"{error.strerror}: {error.filename}" if error.filename else error.strerror, 2)
            _fail(f"unexpected {type(error).__name__}: {error} (`hedonic-graph --debug ...` shows where)", 1)


def _fail(message: str, code: int) -> None:
    line = " ".join(part.strip() for part in message.splitlines())
    click.echo(f"Error: {line}", err=True)
    raise click.exceptions.Exit(code)


@click.group(cls=Program, epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(hedonic_graph.__version__, prog_name="hedonic-graph")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Coalitions of MLP neurons in LoRA-tuned models, and what becomes of each from layer to layer."""
