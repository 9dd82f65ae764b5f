"""The captioner's demo CLIP: a convolutional vision tower and transformers' text tower. Same tokenizer as the base model's."""

import numpy as np
import torch
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel

from model import BOS, EOS, VOCABULARY
from train_classifier import load_reader

# The pixel statistics of CLIP's own preprocessing.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
SIDE, WIDTH, EMBEDDING = 128, 96, 96


def build():
    """CLIP as transformers has it. Its text tower and scale are used; the vision tower is `Vision`."""
    tower = dict(
        hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_attention_heads=4, projection_dim=EMBEDDING
    )
    config = CLIPConfig(
        text_config=dict(
            tower, num_hidden_layers=2, vocab_size=VOCABULARY, bos_token_id=BOS, eos_token_id=EOS
        ),
        vision_config=dict(tower, num_hidden_layers=3, image_size=SIDE, patch_size=16),
        projection_dim=EMBEDDING,
        attn_implementation="eager",
    )
    with torch.random.fork_rng():
        torch.manual_seed(20240608)
        return CLIPModel(config)


def pixels(images):
    """uint8 [B, H, W, 3] -> pixel_values [B, 3, H, W]."""
    x = (np.asarray(images, np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


class Vision(torch.nn.Module):
    """A convolutional tower, as CLIP's ResNets are: patches of 16 px do not tell a star from a flower in a short training.
    It starts as the classifier's (train_classifier.py), which knows outlines. `mixed` learns what is where, by a bias for
    each of the 4 x 4 spots. `joined`, a product of two, is there for what belongs together in one spot: with two things in a
    picture, which colour is whose."""

    def __init__(self, width=256, pairs=96):
        super().__init__()
        self.body = load_reader().body.requires_grad_(True)
        self.mixed = torch.nn.Conv2d(128, width, 1)
        self.spots = torch.nn.Parameter(0.1 * torch.randn(1, width, SIDE // 32, SIDE // 32))
        self.joined = torch.nn.Conv2d(128, 2 * pairs, 1)
        self.projection = torch.nn.Linear(2 * (width + pairs), EMBEDDING, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def spotted(self, pixel_values):
        """-> [B, C, 4, 4], what is in each spot"""
        x = (pixel_values * self.std + self.mean) * 2 - 1
        x = self.body(F.avg_pool2d(x, SIDE // 64))
        a, b = self.joined(x).chunk(2, 1)
        return torch.cat([F.relu(self.mixed(x) + self.spots), a * b], 1)

    def told(self, spots):
        """[B, C, spots] -> [B, EMBEDDING]"""
        return self.projection(torch.cat([spots.mean(2), spots.amax(2)], 1))

    def forward(self, pixel_values):
        return self.told(self.spotted(pixel_values).flatten(2))


class Text(torch.nn.Module):
    """The causal mask and the first eos spelled out, so that the export holds for every batch and length: what follows
    the first eos changes nothing, so a short text need not be filled up to 77."""

    def __init__(self, clip):
        super().__init__()
        self.tower, self.projection = clip.text_model, clip.text_projection

    def forward(self, input_ids, attention_mask):
        n = input_ids.shape[1]
        tower = self.tower
        x = tower.embeddings.token_embedding(input_ids) + tower.embeddings.position_embedding.weight[:n]
        seen = torch.ones(n, n, dtype=torch.bool).tril()[None, None] & (attention_mask[:, None, None, :] > 0)
        bias = torch.zeros_like(seen, dtype=x.dtype).masked_fill(~seen, -1e4)
        for layer in tower.encoder.layers:
            x = layer(x, bias)
            x = x[0] if isinstance(x, tuple) else x
        x = tower.final_layer_norm(x)
        first_eos = (input_ids == EOS).int().argmax(1)
        return self.projection((x * F.one_hot(first_eos, n)[..., None]).sum(1))


class Scale(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.logit_scale = clip.logit_scale


def embedded(text, ids):
    return F.normalize(text(ids, torch.ones_like(ids)), dim=-1)
