"""Making the starter model from nothing but this folder: `python -m generation.starter.train`.

Owns the order of the courses (VAE, then UNet with text encoder, then the LoRA of the mosaic style) and where their
results go. Everything follows from seeds; an interrupted training goes on where it was. On CUDA it takes minutes, on
two CPU cores two hours.
"""

from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from generation.starter.course import device
from generation.starter.data import encoded, rendered, scene_number
from generation.starter.parts import LATENT_SHAPE, assemble
from generation.starter.render import MOSAIC
from generation.starter.train_unet import train_unet
from generation.starter.train_vae import as_tensor, train_vae

_SCENES = 48_000
_VAE_SCENES = 20_000
# The VAE also sees the LoRA's style, which it must be able to show.
_MOSAICS = 4_000
_SEED, _MOSAIC_SEED = 1, 2
_HERE = Path(__file__).parent


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("build/starter"), help="Checkpoints and caches.")
@click.option("--model", type=click.Path(path_type=Path), default=_HERE / "model", help="Where the model goes.")
def main(work: Path, model: Path) -> None:
    """Train the starter model, or go on training it."""
    work.mkdir(parents=True, exist_ok=True)
    pictures = rendered(work, _SCENES, _SEED)
    mosaics = rendered(work, _MOSAICS, _MOSAIC_SEED, MOSAIC)
    vae = train_vae(np.concatenate([pictures[:_VAE_SCENES], mosaics]), work)

    @torch.no_grad()
    def encode(batch: NDArray[np.uint8]) -> NDArray[np.float16]:
        with torch.autocast(device().type, torch.bfloat16):
            latents = vae.encode(as_tensor(batch).to(device())).latent_dist.mean
        return latents.float().cpu().numpy().astype(np.float16)  # type: ignore[no-any-return]

    latents = encoded(work / "latents.f16", pictures, LATENT_SHAPE, encode)
    unet, tokenizer, text_encoder = train_unet(latents, [scene_number(n, _SEED) for n in range(_SCENES)], work)
    for part in (vae, unet, text_encoder):
        part.to("cpu", torch.float16)
    assemble(vae, unet, tokenizer, text_encoder).save_pretrained(model)


if __name__ == "__main__":
    main()
