"""A small MCP server over the standard streams, with a tool that looks and one that deletes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS = [
    {"name": "list_files", "description": "Lists the files of a folder.", "inputSchema": PATH},
    {"name": "delete_folder", "description": "Deletes a folder with all that is in it.", "inputSchema": PATH},
]


def call(name: str, path: Path) -> str:
    """What a tool does."""
    if name == "delete_folder":
        shutil.rmtree(path)
        return "deleted"
    return "\n".join(sorted(entry.name for entry in path.iterdir()))


def result(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request."""
    match request["method"]:
        case "initialize":
            version = request["params"]["protocolVersion"]
            server = {"name": "files", "version": "1"}
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            arguments = request["params"]
            text = call(arguments["name"], Path(arguments["arguments"]["path"]))
            return {"content": [{"type": "text", "text": text}]}
        case _:
            return {}


def main() -> None:
    """Answers until nobody asks."""
    for line in sys.stdin:
        request = json.loads(line)
        # What has no id wants no answer.
        if "id" in request:
            print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result(request)}), flush=True)


if __name__ == "__main__":
    main()
