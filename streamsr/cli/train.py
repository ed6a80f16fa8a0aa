"""`streamsr train`: generators learned by recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import MissingDependencyError
from .options import UsageError

app = typer.Typer(
    help="Train generators by recipes.", no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)

SR_EPILOG = """Examples:

    streamsr train sr live-x2 --data photos/ --out runs/live-x2

    streamsr train sr my.toml --data photos/ --out runs/mine --validate Set5/HR --set optim.steps=90000

    streamsr train sr detail-x2-gan --data photos/ --out runs/gan --set perceptual.file=vgg19.npz

The same command again goes on where the run stopped. `streamsr export runs/live-x2/model.safetensors` is next.
"""


@app.command(epilog=SR_EPILOG)
def sr(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a bundled recipe.")],
    data: Annotated[Path, typer.Option(help="Folder that the recipe's globs are relative to.")],
    out: Annotated[Path, typer.Option(help="Folder for weights, state and logs.")],
    validate: Annotated[Path | None, typer.Option(help="Folder of images, never learned from, to judge by.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: optim.steps=1000.")
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="GPUs, or processes on a CPU.")] = 1,
) -> None:
    """Super-resolution: for fidelity, or, by a recipe with a table [adversarial], against a discriminator."""
    try:
        from lightning_fabric.utilities.rank_zero import rank_zero_only

        from ..training import sr as fidelity
        from ..training import sr_gan
        from ..training.recipe import load_recipe
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "training") from error
    loaded = load_recipe(recipe_path(recipe), overrides or ())
    train = fidelity.train if loaded.adversarial is None else sr_gan.train
    model = train(loaded, data, out, validate, devices)
    rank_zero_only(typer.echo)(model)  # every process comes along here


def recipe_path(recipe: str) -> Path:
    """The file of that path, or the bundled recipe of that name.

    Raises:
        UsageError: neither is there.
    """
    path = Path(recipe).expanduser()
    if path.is_file():
        return path
    bundled = {each.stem: each for each in (Path(__file__).parents[1] / "training" / "recipes").glob("*.toml")}
    if recipe not in bundled:
        raise UsageError(f"{recipe!r} is neither a file nor a bundled recipe; those are {', '.join(sorted(bundled))}")
    return bundled[recipe]
