"""Which modules a component is made of, and how they are tied to one another.

Reads as much of the binary form of components as componentize-py writes: modules, their instances, aliases, and what is
lifted and lowered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

HOST = "strongroom:admission/host@0.1.0"

#: Sorts of core items, as components number them.
FUNC, TABLE, MEMORY, GLOBAL, TYPE, MODULE, INSTANCE = 0, 1, 2, 3, 0x10, 0x11, 0x12
#: Options of a lifted function that name something.
_MEMORY, _REALLOC, _POST_RETURN = 3, 4, 5


class Reader:
    """Bytes, read from the front."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.raw[self.at - 1]

    def number(self) -> int:
        """The next number."""
        value = shift = 0
        while (byte := self.byte()) > 0x7F:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def text(self) -> str:
        """The next name."""
        return self.take(self.number()).decode()

    def take(self, size: int) -> bytes:
        """The next bytes."""
        self.at += size
        return self.raw[self.at - size : self.at]


def sections(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The sections of a module or component."""
    reader = Reader(raw)
    reader.take(8)
    while reader.at < len(raw):
        kind = reader.byte()
        yield kind, reader.take(reader.number())


@dataclass
class Instance:
    """An instance of a module, with the instance that stands for each module it imports from; or a bag of items."""

    module: int | None = None
    imports: dict[str, int] = field(default_factory=dict)
    items: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where an item is: an instance of a module, or `HOST`, and the name under which that exports it."""

    instance: int | str
    name: str


class Parts:
    """The parts of a component."""

    def __init__(self, raw: bytes) -> None:
        self.modules: list[bytes] = []
        self.instances: list[Instance] = []
        #: What the component exports, by the name under which a module of its own would.
        self.exports: dict[str, Place] = {}
        self._items: dict[int, list[tuple[int, str] | Place]] = {sort: [] for sort in (FUNC, TABLE, MEMORY, GLOBAL)}
        self._host_functions: list[str | None] = []
        self._lifted: list[tuple[int, dict[int, int]]] = []
        readers = {1: self._module, 2: self._instances, 6: self._aliases, 8: self._functions}
        for kind, body in sections(raw):
            if kind in readers:
                readers[kind](body)
        self.shim, self._real = self._find_shim()
        self._find_exports()

    def find(self, instance: int, name: str) -> Place:
        """Where an item of an instance really is. What goes through the shim is what the shim is tied to in the end."""
        if instance == self.shim:
            return self.find(self._real, name)
        found = self.instances[instance]
        return Place(instance, name) if found.module is not None else self._origin(*found.items[name])

    def _origin(self, sort: int, index: int) -> Place:
        item = self._items[sort][index]
        return item if isinstance(item, Place) else self.find(*item)

    def _module(self, body: bytes) -> None:
        self.modules.append(body)

    def _instances(self, body: bytes) -> None:
        reader = Reader(body)
        for _ in range(reader.number()):
            made = Instance()
            if reader.byte() == 0:
                made.module = reader.number()
                for _ in range(reader.number()):
                    name = reader.text()
                    reader.byte()
                    made.imports[name] = reader.number()
            else:
                for _ in range(reader.number()):
                    name = reader.text()
                    made.items[name] = reader.byte(), reader.number()
            self.instances.append(made)

    def _aliases(self, body: bytes) -> None:
        reader = Reader(body)
        for _ in range(reader.number()):
            sort = reader.byte()
            core_sort = reader.byte() if sort == 0 else None
            target = reader.byte()
            if target == 2:
                reader.number(), reader.number()
                continue
            instance, name = reader.number(), reader.text()
            if target == 1:
                self._items[core_sort].append((instance, name))
            elif sort == 1:
                self._host_functions.append(name)

    def _functions(self, body: bytes) -> None:
        reader = Reader(body)
        for _ in range(reader.number()):
            kind = reader.byte()
            if kind > 1 or reader.byte() != 0:
                raise ValueError("the component uses what no plugin needs")
            function = reader.number()
            options = self._options(reader)
            if kind == 0:
                reader.number()
                self._lifted.append((function, options))
                self._host_functions.append(None)
            else:
                self._items[FUNC].append(Place(HOST, self._host_functions[function]))

    @staticmethod
    def _options(reader: Reader) -> dict[int, int]:
        options = {}
        for _ in range(reader.number()):
            kind = reader.byte()
            if kind in (_MEMORY, _REALLOC, _POST_RETURN):
                options[kind] = reader.number()
        return options

    def _find_shim(self) -> tuple[int, int]:
        """The module that stands for functions before they exist, and the bag of those that come in their place."""
        for instance in self.instances:
            bag = instance.imports.get("")
            if bag is not None and "$imports" in self.instances[bag].items:
                sort, index = self.instances[bag].items["$imports"]
                return self._items[sort][index][0], bag
        raise ValueError("the component is not one of componentize-py")

    def _find_exports(self) -> None:
        for function, options in self._lifted:
            place = self._origin(FUNC, function)
            # Another one, by which the tool prepares the component, has served.
            if not place.name.startswith("strongroom:admission/policy@"):
                continue
            self.exports[place.name] = place
            self.exports["memory"] = self._origin(MEMORY, options[_MEMORY])
            if _REALLOC in options:
                self.exports["cabi_realloc"] = self._origin(FUNC, options[_REALLOC])
            if _POST_RETURN in options:
                after = self._origin(FUNC, options[_POST_RETURN])
                self.exports[after.name] = after
