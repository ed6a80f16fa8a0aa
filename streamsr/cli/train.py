"""`streamsr train`: generators learned by recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import MissingDependencyError
from .options import UsageError

if TYPE_CHECKING:
    from ..training.style_recipe import StyleRecipe

app = typer.Typer(
    help="Train generators by recipes.", no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)

Recipe = Annotated[str, typer.Argument(help="A TOML file, or the name of a bundled recipe.")]
Data = Annotated[Path, typer.Option(help="Folder that the recipe's globs are relative to.")]
Art = Annotated[Path, typer.Option(help="Folder of the artworks that the recipe names.")]
Out = Annotated[Path, typer.Option(help="Folder for weights, state and logs.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: optim.steps=1000.")
]
Devices = Annotated[int, typer.Option(min=1, help="GPUs, or processes on a CPU.")]

SR_EPILOG = """Examples:

    streamsr train sr live-x2 --data photos/ --out runs/live-x2

    streamsr train sr my.toml --data photos/ --out runs/mine --validate Set5/HR --set optim.steps=90000

    streamsr train sr detail-x2-gan --data photos/ --out runs/gan --set perceptual.file=vgg19.npz

The same command again goes on where the run stopped. `streamsr export runs/live-x2/model.safetensors` is next.
"""


@app.command(epilog=SR_EPILOG)
def sr(
    recipe: Recipe,
    data: Data,
    out: Out,
    validate: Annotated[Path | None, typer.Option(help="Folder of images, never learned from, to judge by.")] = None,
    overrides: Overrides = None,
    devices: Devices = 1,
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


STYLE_EPILOG = """Examples:

    streamsr train style style-live --data photos/ --art artworks/ --out runs/style --set perceptual.file=vgg19.npz

    streamsr train style style-live … --set optim.steps=20_000 --set data.batch=16 --set data.patch=256

The same command again goes on where the run stopped. `streamsr export runs/style/model.safetensors` is next.
"""


@app.command(epilog=STYLE_EPILOG)
def style(recipe: Recipe, data: Data, art: Art, out: Out, overrides: Overrides = None, devices: Devices = 1) -> None:
    """Styles of artworks, all in one network that holds still."""
    try:
        from ..training.style import train
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "training") from error
    _train_style(train, recipe, data, art, out, overrides, devices)


@app.command("style-gan")
def style_gan(
    recipe: Recipe, data: Data, art: Art, out: Out, overrides: Overrides = None, devices: Devices = 1
) -> None:
    """The same against a discriminator that knows the artworks; starts from what `train style` made."""
    try:
        from ..training.style_gan import train
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "training") from error
    _train_style(train, recipe, data, art, out, overrides, devices)


def _train_style(
    train: Callable[[StyleRecipe, Path, Path, Path, int], Path],
    recipe: str,
    data: Path,
    art: Path,
    out: Path,
    overrides: list[str] | None,
    devices: int,
) -> None:
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    from ..training.style_recipe import load_style_recipe

    model = train(load_style_recipe(recipe_path(recipe), overrides or ()), data, art, out, devices)
    rank_zero_only(typer.echo)(model)  # every process comes along here


CYCLEGAN_EPILOG = """Examples:

    streamsr train cyclegan photo2painting --a photos/ --b paintings/ --out runs/painting

    streamsr train cyclegan photo2painting … --set generator.config.width=64 --set data.patch=256

The same command again goes on where the run stopped. `streamsr export runs/painting/a-to-b.safetensors` is next.
"""


@app.command(epilog=CYCLEGAN_EPILOG)
def cyclegan(
    recipe: Recipe,
    a: Annotated[Path, typer.Option(help="Folder of the pictures to translate, such as photographs.")],
    b: Annotated[Path, typer.Option(help="Folder of what they are to become, such as paintings.")],
    out: Out,
    overrides: Overrides = None,
) -> None:
    """Translation between two kinds of pictures, there and back, learned without pairs."""
    try:
        from ..training.cyclegan import train
        from ..training.cyclegan_recipe import load_cyclegan_recipe
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "training") from error
    for model in train(load_cyclegan_recipe(recipe_path(recipe), overrides or ()), a, b, out):
        typer.echo(model)


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
