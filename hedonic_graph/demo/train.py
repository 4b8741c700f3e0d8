"""Train the demo's adapter: LoRA of rank 8 on the MLP projections of layers 7-14, for CQTR.

Run as ``python -m hedonic_graph.demo.train FOLDER``; about a quarter of an hour on two cores. Base weights stay
frozen. Ends with R^2 on pairs of held-out topics.
"""

import random
import sys
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from sklearn.metrics import r2_score
from torch import Tensor, nn

from hedonic_graph.demo import text
from hedonic_graph.models.architectures import HEAD
from hedonic_graph.models.load import load_classifier
from hedonic_graph.models.locate import locate_model
from hedonic_graph.progress import bar
from hedonic_graph.text.labels import covered_query_term_ratio
from hedonic_graph.text.pairs import Pair

STEPS = 300
BATCH = 16
MAX_TOKENS = 80
LEARNING_RATE = 1e-3
HEAD_LEARNING_RATE = 1e-4
WARM_UP = 20
HELD_OUT_PAIRS = 320
SEED = 0


def main(folder: Path) -> None:
    """Train, print R^2 on held-out topics, and save the adapter to ``folder``."""
    torch.manual_seed(SEED)
    classifier, tokenizer = load_classifier(locate_model("smollm2"))
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=8,
        lora_alpha=16,
        target_modules=["gate_proj", "up_proj", "down_proj"],
        layers_to_transform=list(range(7, 15)),
        modules_to_save=[HEAD],
    )
    classifier.config.use_cache = False
    model = get_peft_model(classifier, config)
    # A fresh head's logits spread by one, labels by a third: starting near zero keeps the first steps small.
    wrapped: Any = model
    wrapped.base_model.model.score.modules_to_save["default"].weight.data.mul_(0.1)
    _train(model, tokenizer)
    held_out = text.pairs(HELD_OUT_PAIRS, split="held-out", seed=SEED + 1)
    model.eval()
    with torch.inference_mode():
        chunks = [held_out[start : start + BATCH] for start in range(0, len(held_out), BATCH)]
        predicted = torch.cat([_predict(model, tokenizer, chunk) for chunk in bar("held-out", items=chunks)])
    print(f"R^2 on {len(held_out)} pairs of held-out topics: {r2_score(_labels(held_out), predicted):.3f}")
    model.peft_config["default"].base_model_name_or_path = "SmolLM2-135M-Instruct"
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def _train(model: Any, tokenizer: Any) -> None:
    # A step of the head moves the logit by the rate times the sum of 576 features: it must be small.
    head = [parameter for name, parameter in model.named_parameters() if parameter.requires_grad and "score" in name]
    lora = [parameter for name, parameter in model.named_parameters() if parameter.requires_grad and "lora" in name]
    groups = [{"params": lora, "lr": LEARNING_RATE}, {"params": head, "lr": HEAD_LEARNING_RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / WARM_UP, (STEPS - step) / (STEPS - WARM_UP))
    )
    pool = text.pairs(STEPS * BATCH, split="train", seed=SEED)
    random.Random(SEED).shuffle(pool)
    steps = bar("training", total=STEPS, unit="step")
    model.train()
    for start in range(0, len(pool), BATCH):
        batch = pool[start : start + BATCH]
        loss = nn.functional.mse_loss(_predict(model, tokenizer, batch), _labels(batch))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(lora + head, 1.0)
        optimiser.step()
        schedule.step()
        steps.set_postfix_str(f"loss {loss.item():.4f}")
        steps.update(1)
    steps.close()


def _predict(model: Any, tokenizer: Any, pairs: list[Pair]) -> Tensor:
    tokens = tokenizer(
        [pair.prompt for pair in pairs],
        padding=True,
        truncation=True,
        max_length=MAX_TOKENS,
        return_tensors="pt",
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
    return logits[:, 0].float()


def _labels(pairs: list[Pair]) -> Tensor:
    return torch.tensor([covered_query_term_ratio(pair.query, pair.passage) for pair in pairs])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
