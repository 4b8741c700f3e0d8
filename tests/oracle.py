"""What a tuned model is and does, from whole models of plain peft and transformers, in float64.

Nothing here uses the package's loading, views or formulas; only its table says what the modules are called.
"""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from tiny import make_tokenizer
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from hedonic_graph.models.architectures import ARCHITECTURES, Architecture


class StayDouble(TorchFunctionMode):
    """Keeps float64 where modules would fall back to float32, as the norms of ``transformers`` do."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__):
            # Integers that became float32 meet what stayed.
            common = torch.promote_types(args[0].dtype, args[1].dtype)
            return func(*(one.type(common) for one in args), **kwargs)
        double = args and isinstance(args[0], Tensor) and args[0].dtype == torch.float64
        lower = func is torch.Tensor.float or (
            func is torch.Tensor.to and torch.float32 in (*args[1:], kwargs.get("dtype"))
        )
        return args[0] if double and lower else func(*args, **kwargs)


class Whole:
    """A tuned model and its base, both whole; ``adapter`` or ``tuned`` made the one from the other."""

    def __init__(self, base: Path, adapter: Path | None = None, tuned: Path | None = None, causal: bool = False):
        auto: Any = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
        options: dict[str, Any] = {"dtype": torch.float64} | ({} if causal else {"num_labels": 1})
        if getattr(AutoConfig.from_pretrained(base), "attn_logit_softcapping", None):
            options["attn_implementation"] = "eager"
        self.base = auto.from_pretrained(base, **options).eval()
        self.tuned = self.base if adapter else auto.from_pretrained(tuned or base, **options).eval()
        if adapter:
            self.base = copy.deepcopy(self.base)
            with warnings.catch_warnings():
                # PEFT doubts biases of a LoRA, which it runs all the same.
                warnings.simplefilter("ignore")
                self.tuned = PeftModel.from_pretrained(self.tuned, str(adapter)).base_model.model.double().eval()
        self.row: Architecture = ARCHITECTURES[self.base.config.model_type]
        self.tokenizer = make_tokenizer()

    def layer(self, model: Any, number: int) -> Any:
        return model.get_submodule(f"{self.row.backbone}.{self.row.layers}.{number}")

    def mlp(self, model: Any, number: int) -> Any:
        return self.layer(model, number).get_submodule(self.row.mlp)

    def seen(self, number: int, prompts: list[str]) -> dict[str, Tensor]:
        """One prompt at a time, without padding: what the norm before the MLP reads ``x``, MLP input ``h``,
        activation ``a``, MLP output ``m`` and layer output ``y`` at the last token, [B, ...] each, and ``all``:
        activations of every token."""
        layer, mlp = self.layer(self.tuned, number), self.mlp(self.tuned, number)
        before, _ = self.norms(number, prompts[0])
        reader = layer.get_submodule(before.pop()) if before else mlp
        rows: dict[str, list[Tensor]] = {"x": [], "h": [], "a": [], "m": [], "y": []}

        def first(value: Any) -> Tensor:
            return value[0] if isinstance(value, tuple) else value

        hooks = [
            reader.register_forward_pre_hook(lambda _, args: rows["x"].append(args[0][0])),
            mlp.register_forward_pre_hook(lambda _, args: rows["h"].append(args[0][0])),
            mlp.get_submodule(self.row.down).register_forward_pre_hook(lambda _, args: rows["a"].append(args[0][0])),
            mlp.register_forward_hook(lambda _, __, out: rows["m"].append(out[0].clone())),
            layer.register_forward_hook(lambda _, __, out: rows["y"].append(first(out)[0])),
        ]
        with torch.no_grad(), StayDouble():
            for prompt in prompts:
                self.tuned(**self.tokenizer(prompt, return_tensors="pt"))
        for hook in hooks:
            hook.remove()
        found = {name: torch.stack([one[-1] for one in kept]) for name, kept in rows.items()}
        return found | {"all": torch.cat(rows["a"])}

    def norms(self, number: int, prompt: str) -> tuple[set[str], set[str]]:
        """The norms of a layer that gave the MLP's input, and those that took its output, by what passes them."""
        layer, mlp = self.layer(self.tuned, number), self.mlp(self.tuned, number)
        took: dict[str, Tensor] = {}
        gave: dict[str, Tensor] = {}

        def listen(name: str) -> Any:
            def hook(_: Any, args: Any, out: Tensor) -> None:
                took[name], gave[name] = args[0].clone(), out.clone()

            return hook

        norms = [name for name, module in layer.named_children() if type(module).__name__.endswith("Norm")]
        hooks = [layer.get_submodule(name).register_forward_hook(listen(name)) for name in norms]
        hooks.append(mlp.register_forward_hook(listen("")))
        with torch.no_grad(), StayDouble():
            self.tuned(**self.tokenizer(prompt, return_tensors="pt"))
        for handle in hooks:
            handle.remove()
        before = {name for name in norms if torch.equal(gave[name], took[""])}
        return before, {name for name in norms if torch.equal(took[name], gave[""])}


class Ablation:
    """Puts neurons of one layer's MLP back to their base weights and reads the tuned model cut above that layer.

    The weights themselves change, and the very modules run: the cut model's own final norm and head read the
    layer-local logit, and with ``cut=False`` the whole one's the model's. ``tokens`` are the two whose logits'
    difference is read, for a causal model. ``instead`` [n] are activations that ablated neurons take, the weights
    left as they are. The prompts must be of one length: some masks of float64 padding give NaN.
    """

    def __init__(
        self,
        whole: Whole,
        number: int,
        prompts: list[str],
        tokens: tuple[int, int] | None = None,
        instead: Tensor | None = None,
        cut: bool = True,
    ):
        tuned = copy.deepcopy(whole.tuned)
        # peft's own merge of a deep copy, so that there are plain weights to change.
        self.model = _merged(tuned)
        if cut:
            del self.model.get_submodule(f"{whole.row.backbone}.{whole.row.layers}")[number + 1 :]
            self.model.config.num_hidden_layers = number + 1
        self.given = whole.tokenizer(prompts, return_tensors="pt")
        self.tokens = tokens
        self.instead = instead
        self.row = whole.row
        self.mlp = whole.mlp(self.model, number)
        self.before = whole.mlp(whole.base, number)
        self.now = copy.deepcopy(self.mlp)

    def logit(self, *neurons: int) -> Tensor:
        """Logits [B] with these neurons ablated."""
        with self._ablated(list(neurons)), torch.no_grad(), StayDouble():
            logits = self.model(**self.given).logits
        if self.tokens is None:
            return logits[:, 0]
        return logits[:, -1, self.tokens[0]] - logits[:, -1, self.tokens[1]]

    def leaving(self, neurons: list[int]) -> Tensor:
        """The residual stream [B, d] that leaves the layer at the last token, with these neurons ablated."""
        found: list[Tensor] = []
        layer = self.model.get_submodule(f"{self.row.backbone}.{self.row.layers}")[-1]
        hook = layer.register_forward_hook(lambda _, __, out: found.append(out[0] if isinstance(out, tuple) else out))
        with self._ablated(neurons), torch.no_grad(), StayDouble():
            self.model(**self.given)
        hook.remove()
        return found[0][:, -1]

    def synergy(self, i: int, j: int) -> float:
        """E[l - l_-i - l_-j + l_-ij]."""
        return float((self.logit() - self.logit(i) - self.logit(j) + self.logit(i, j)).mean())

    @contextmanager
    def _ablated(self, neurons: list[int]) -> Iterator[None]:
        if self.instead is None:
            self._write(neurons, self.before)
            yield
            self._write(neurons, self.now)
            return
        places = torch.zeros(len(self.instead), dtype=torch.bool)
        places[neurons] = True
        hook = self.mlp.get_submodule(self.row.down).register_forward_pre_hook(
            lambda _, args: (torch.where(places, self.instead, args[0]),)
        )
        yield
        hook.remove()

    @torch.no_grad()
    def _write(self, neurons: list[int], source: Any) -> None:
        """Copy the neurons' own rows, biases and columns."""
        n = _matrix(self.mlp.get_submodule(self.row.down)).shape[1]
        for name in {self.row.up, self.row.gate} - {None}:
            module, other = self.mlp.get_submodule(name), source.get_submodule(name)
            rows = neurons + ([n + neuron for neuron in neurons] if self.row.gate == self.row.up else [])
            _matrix(module)[rows] = _matrix(other)[rows]
            if getattr(module, "bias", None) is not None:
                module.bias[rows] = 0.0 if other.bias is None else other.bias[rows]
        module, other = (one.get_submodule(self.row.down) for one in (self.mlp, source))
        _matrix(module)[:, neurons] = _matrix(other)[:, neurons]


def _matrix(module: Any) -> Tensor:
    """The weight as outputs x inputs; writing to it writes to the module."""
    return module.weight.T if type(module).__name__ == "Conv1D" else module.weight


def _merged(model: nn.Module) -> nn.Module:
    for path, module in list(model.named_modules()):
        if hasattr(module, "lora_A"):
            if any(module.lora_bias.values()) and module.base_layer.bias is None:
                module.base_layer.bias = nn.Parameter(torch.zeros(module.out_features, dtype=torch.float64))
            module.merge()
            model.set_submodule(path, module.base_layer)
        elif hasattr(module, "modules_to_save"):
            model.set_submodule(path, module.modules_to_save["default"])
    return model
