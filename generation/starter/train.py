"""Making the starter model from nothing but this folder: `python -m generation.starter.train`.

Owns the order of the courses (VAE, then UNet with text encoder, then the LoRA of the mosaic style) and where their
results go. Everything follows from seeds; an interrupted training goes on where it was. On CUDA it takes minutes, on
two CPU cores a little over two hours, of which the LoRA takes a few minutes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from generation.starter.course import Course, device
from generation.starter.data import encoded, rendered, scene_number
from generation.starter.parts import LATENT_SHAPE, assemble, save
from generation.starter.render import MOSAIC
from generation.starter.train_lora import LORA_COURSE, save_lora, train_lora
from generation.starter.train_unet import UNET_LESSONS, Lesson, train_unet
from generation.starter.train_vae import VAE_COURSES, as_tensor, train_vae

_SEED, _MOSAIC_SEED = 1, 2
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many pictures are rendered, how many of them the VAE sees, and the courses.

    The VAE also sees the mosaics, which are the LoRA's style: it must be able to show them.
    """

    scenes: int = 48_000
    vae_scenes: int = 20_000
    mosaics: int = 4_000
    vae: tuple[Course, ...] = VAE_COURSES
    unet: tuple[Lesson, ...] = UNET_LESSONS
    lora: Course = LORA_COURSE


_TRIAL = Plan(
    scenes=48,
    vae_scenes=16,
    mosaics=16,
    vae=tuple(replace(course, steps=2, batch=2) for course in VAE_COURSES),
    unet=tuple(replace(it, course=replace(it.course, steps=2, batch=2)) for it in UNET_LESSONS),
    lora=replace(LORA_COURSE, steps=2, batch=2),
)


@click.command()
@click.option("--work", type=click.Path(path_type=Path), help="Checkpoints and caches [default: build/starter].")
@click.option("--model", type=click.Path(path_type=Path), help="Where the model goes, or is [default: beside this].")
@click.option("--loras", type=click.Path(path_type=Path), help="Where the LoRA goes [default: beside this].")
@click.option("--vae", type=click.Path(path_type=Path, exists=True), help="A trained VAE to build on: model/vae.")
@click.option("--only", type=click.Choice(["model", "lora"]), help="Train this alone; the LoRA needs the model.")
@click.option("--trial", is_flag=True, help="Two steps of each course, all kept in the work folder: does it run?")
def main(
    *, work: Path | None, model: Path | None, loras: Path | None, vae: Path | None, only: str | None, trial: bool
) -> None:
    """Train the starter model and its LoRA, or go on training them."""
    work = work or Path("build") / ("starter-trial" if trial else "starter")
    # A trial's model draws nothing: it must not take the place of the real one.
    home = work if trial else _HERE
    model, loras = model or home / "model", loras or home / "loras"
    plan = _TRIAL if trial else Plan()
    work.mkdir(parents=True, exist_ok=True)
    if only != "lora":
        _make_model(plan, work, model, vae)
    if only != "model":
        _make_lora(plan, work, model, loras / f"{MOSAIC}.safetensors")


def _make_model(plan: Plan, work: Path, model: Path, vae_folder: Path | None) -> None:
    pictures = rendered(work, plan.scenes, _SEED)
    vae = _taught_vae(plan, work, pictures) if vae_folder is None else _loaded_vae(vae_folder)
    # Latents of another VAE, and what was learnt from them, are of no use to this one.
    folder = work / f"unet-{_weights_of(vae)}"
    folder.mkdir(exist_ok=True)
    latents = encoded(folder / "latents.f16", pictures, LATENT_SHAPE, _encoder(vae))
    scenes = [scene_number(number, _SEED) for number in range(plan.scenes)]
    unet, tokenizer, text_encoder = train_unet(latents, scenes, folder, plan.unet)
    save(assemble(vae, unet, tokenizer, text_encoder), model)


def _taught_vae(plan: Plan, work: Path, pictures: NDArray[np.uint8]) -> Any:  # noqa: ANN401 - diffusers has no types
    mosaics = rendered(work, plan.mosaics, _MOSAIC_SEED, MOSAIC)
    return train_vae(np.concatenate([pictures[: plan.vae_scenes], mosaics]), work, plan.vae)


def _loaded_vae(folder: Path) -> Any:  # noqa: ANN401 - as above
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(folder, dtype=torch.float32).to(device())


def _make_lora(plan: Plan, work: Path, model: Path, path: Path) -> None:
    """Train on the model as it lies on disk, so that the LoRA corrects the very weights it will meet."""
    from diffusers import StableDiffusionPipeline

    if not (model / "model_index.json").is_file():
        raise click.ClickException(f"There is no model in {model} for the LoRA to build on.")
    # What was learnt for another model is of no use to this one, and neither are its latents.
    folder = work / f"lora-{_fingerprint(model)}"
    folder.mkdir(exist_ok=True)
    pipe = StableDiffusionPipeline.from_pretrained(model, dtype=torch.float32)
    mosaics = rendered(work, plan.mosaics, _MOSAIC_SEED, MOSAIC)
    latents = encoded(folder / "latents.f16", mosaics, LATENT_SHAPE, _encoder(pipe.vae.to(device())))
    scenes = [scene_number(number, _MOSAIC_SEED) for number in range(plan.mosaics)]
    save_lora(train_lora(pipe, latents, scenes, folder, plan.lora), path)


def _encoder(vae: Any) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:  # noqa: ANN401 - diffusers has no types
    """What turns pictures (n, 128, 128, 3) into latents (n, 4, 32, 32)."""

    @torch.no_grad()
    def encode(batch: NDArray[np.uint8]) -> NDArray[np.float16]:
        with torch.autocast(device().type, torch.bfloat16):
            latents = vae.encode(as_tensor(batch).to(device())).latent_dist.mean
        return latents.float().cpu().numpy().astype(np.float16)  # type: ignore[no-any-return]

    return encode


def _weights_of(vae: Any) -> str:  # noqa: ANN401 - as above
    """Twelve letters that change with the VAE's weights."""
    digest = hashlib.sha256()
    for value in vae.state_dict().values():
        digest.update(value.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _fingerprint(model: Path) -> str:
    """Twelve letters that change with the model's weights."""
    digest = hashlib.sha256()
    for path in sorted(model.rglob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    main()
