"""The scripts of pages: one file joined from modules below `static/ui/`, so that a page asks once for what it needs.

In the joined file a module is a function that is called at once and returns what it exports. A bundle imports the
modules that the bundles before it have, so each exists once on a page. A lazy bundle is handed them by whoever loads
it: if it imported them, each of the two files would need the hash of the other in its name.

This knows no JavaScript. It works because our modules keep to a few forms, and tests hold them to it: each import and
export on a line of its own, no circular import.
"""

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.contrib.staticfiles import finders

IMPORT = re.compile(r'^import (?:(?P<names>.+) from )?"(?P<path>\.[\w./-]+)";\n', re.MULTILINE)
LAZY_IMPORT = re.compile(r'\bimport\("(?P<path>\.[\w./-]+)"\)')
EXPORT = re.compile(r"^export (?=(?:const|class|(?:async )?function) (\w+))", re.MULTILINE)


class CircularImport(Exception):
    """Two modules import each other, directly or through others."""


@dataclass(frozen=True)
class Module:
    """A file below `static/ui/`, named by its path there."""

    name: str

    @cached_property
    def source(self) -> str:
        return Path(str(finders.find(f"ui/{self.name}"))).read_text()

    @property
    def variable(self) -> str:
        return "$" + re.sub(r"\W", "_", self.name.removesuffix(".js"))

    @property
    def exports(self) -> list[str]:
        return EXPORT.findall(self.source)

    @property
    def imports(self) -> list["Module"]:
        return [self.relative(match) for match in IMPORT.finditer(self.source)]

    @property
    def lazy_imports(self) -> list["Module"]:
        return [self.relative(match) for match in LAZY_IMPORT.finditer(self.source)]

    def relative(self, match: re.Match) -> "Module":
        return Module(posixpath.normpath(posixpath.join(posixpath.dirname(self.name), match["path"])))

    def wrapped(self) -> str:
        """The module as a function that is called at once."""
        body = IMPORT.sub(self._write_import, self.source)
        body = LAZY_IMPORT.sub(self._write_lazy_import, body)
        body = EXPORT.sub("", body)
        return f"const {self.variable} = (() => {{\n{body}return {{ {', '.join(self.exports)} }};\n}})();\n"

    def _write_import(self, match: re.Match) -> str:
        names, variable = match["names"], self.relative(match).variable
        if not names:
            return ""
        if names.startswith("* as "):
            return f"const {names.removeprefix('* as ')} = {variable};\n"
        return f"const {names.replace(' as ', ': ')} = {variable};\n"

    def _write_lazy_import(self, match: re.Match) -> str:
        bundle = lazy_bundle(self.relative(match))
        variables = ", ".join(module.variable for module in bundle.needed)
        return f'import("./{bundle.name}.js").then((bundle) => bundle.open({variables}))'


@dataclass(frozen=True)
class Bundle:
    """A joined file: everything that its first module needs and that the bundles before it do not have."""

    first: Module
    builds_on: tuple["Bundle", ...] = ()
    lazy: bool = False

    @property
    def name(self) -> str:
        return posixpath.basename(self.first.name).removesuffix(".js")

    @cached_property
    def modules(self) -> list[Module]:
        """Each after those that it imports. Raises CircularImport."""
        elsewhere = {module for base in self.builds_on for module in base.modules}
        ordered: list[Module] = []

        def visit(module: Module, importers: tuple[Module, ...]) -> None:
            if module in importers:
                raise CircularImport(" -> ".join(each.name for each in (*importers, module)))
            if module in elsewhere or module in ordered:
                return
            for imported in module.imports:
                visit(imported, (*importers, module))
            ordered.append(module)

        visit(self.first, ())
        return ordered

    @property
    def needed(self) -> list[Module]:
        """What this bundle and those that it loads use of the bundles before it."""
        used = {imported for module in self.modules for imported in module.imports}
        used |= {each for module in self.modules for lazy in module.lazy_imports for each in lazy_bundle(lazy).needed}
        return [module for base in self.builds_on for module in base.modules if module in used]

    def text(self) -> str:
        """The whole file, without what only its authors read."""
        body = "".join(module.wrapped() for module in self.modules)
        if self.lazy:
            variables = ", ".join(module.variable for module in self.needed)
            return squeeze(
                f"let opened;\nexport const open = ({variables}) => opened ??= (() => {{\n"
                f"{body}return {self.first.variable};\n}})();\n"
            )
        imports = "".join(self._import_from(base) for base in self.builds_on)
        return squeeze(f"{imports}{body}export {{ {', '.join(module.variable for module in self.modules)} }};\n")

    def _import_from(self, base: "Bundle") -> str:
        variables = ", ".join(module.variable for module in self.needed if module in base.modules)
        return f'import {{ {variables} }} from "./{base.name}.js";\n' if variables else f'import "./{base.name}.js";\n'


def squeeze(script: str) -> str:
    """A script without comments that have a line or a line's end to themselves, without indentation, and without line
    ends where JavaScript needs none. Imports keep theirs: Django finds them at the beginning of a line.

    A text that spans lines or holds ` //` must not be in our modules, and a test sees to it.
    """
    lines = re.sub(r"^[ \t]+|^[ \t]*//.*$|[ \t]+//.*$", "", script, flags=re.MULTILINE)
    return re.sub(r"^(?!import )(.*[;{,])\n+", r"\1", re.sub(r"\n{2,}", "\n", lines), flags=re.MULTILINE)


def bundles() -> list[Bundle]:
    """All of them, read anew: a script that was edited is seen at the next request."""
    shell = Bundle(Module("shell.js"))
    files = Bundle(Module("files.js"), (shell,))
    inbox = Bundle(Module("inbox/inbox.js"), (shell, files))
    return [
        shell,
        files,
        Bundle(Module("login.js"), (shell,)),
        inbox,
        Bundle(Module("lists.js"), (shell,)),
        Bundle(Module("ringing.js"), (shell,)),
        Bundle(Module("alerts.js"), (shell,), lazy=True),
        Bundle(Module("campaign.js"), (shell,)),
        Bundle(Module("focus.js"), (shell,), lazy=True),
        Bundle(Module("commands.js"), (shell,), lazy=True),
        Bundle(Module("inbox/viewer.js"), (shell, files, inbox), lazy=True),
        Bundle(Module("inbox/selecting.js"), (shell, files, inbox), lazy=True),
    ]


def lazy_bundle(first: Module) -> Bundle:
    return next(bundle for bundle in bundles() if bundle.lazy and bundle.first == first)
