"""Writes checkpoint.pth as torch.save does, byte for byte in its pickle, with Python's own pickler and stand-ins for PyTorch's classes: run it in this folder."""
import argparse, collections, io, pickle, struct, sys, types, zipfile

torch = types.ModuleType("torch")
utils = types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})


def define(module, name):
    made = type(name, (), {"__module__": module.__name__, "__qualname__": name})
    setattr(module, name, made)
    return made


def _rebuild_tensor_v2(): pass
def _rebuild_parameter(): pass
for function in (_rebuild_tensor_v2, _rebuild_parameter):
    function.__module__, function.__qualname__ = "torch._utils", function.__name__
    setattr(utils, function.__name__, function)
Float, Long, Half = define(torch, "FloatStorage"), define(torch, "LongStorage"), define(torch, "HalfStorage")


class Storage:
    def __init__(self, kind, key, code, values): self.kind, self.key, self.data, self.count = kind, key, struct.pack(f"<{len(values)}{code}", *values), len(values)


class Tensor:
    def __init__(self, storage, offset, size, stride): self.all = storage, offset, size, stride
    def __reduce__(self): return utils._rebuild_tensor_v2, (*self.all, False, collections.OrderedDict())


class Parameter(Tensor):
    def __reduce__(self): return utils._rebuild_parameter, (Tensor(*self.all), True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, x): return ("storage", x.kind, x.key, "cpu", x.count) if isinstance(x, Storage) else None


a, b, c = Storage(Float, "0", "f", [i / 2 for i in range(12)]), Storage(Long, "1", "q", [7]), Storage(Half, "2", "e", [1, -2, 0.5])
weights = collections.OrderedDict(
    dense=Tensor(a, 0, (3, 4), (4, 1)), transposed=Tensor(a, 0, (4, 3), (1, 4)), part=Tensor(a, 4, (2, 2), (4, 1)), tied=Parameter(a, 0, (3, 4), (4, 1)), count=Tensor(b, 0, (), ()), half=Tensor(c, 1, (2,), (1,)))
weights._metadata = collections.OrderedDict([("", {"version": 1})])
checkpoint = {"epoch": 299, "arch": "convformer", "args": argparse.Namespace(lr=4e-3, big=1 << 80), "optimizer": {"state": {0: {"step": 3, "exp_avg": Tensor(a, 0, (12,), (1,))}}, "param_groups": [{"betas": (0.9, 0.999)}]},
              "state_dict": {"dense": Tensor(a, 1, (2,), (1,))}, "state_dict_ema": weights}
text = io.BytesIO()
Pickler(text, protocol=2).dump(checkpoint)
with zipfile.ZipFile("checkpoint.pth", "w", zipfile.ZIP_STORED) as archive:
    def add(name, data): archive.writestr(zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0)), data)
    add("data.pkl", text.getvalue())
    add("byteorder", b"little")
    for s in (a, b, c): add("data/" + s.key, s.data)
    add("version", b"3\n")
