"""Tools of MCP servers are gated like all others."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agent import Script
from messages import Call, Say
from session import Home

SERVER = Path(__file__).with_name("mcp_server.py")


def test_of_an_mcp_server_s_tools_the_one_that_looks_runs_and_the_one_that_deletes_does_not(home: Home) -> None:
    servers = {"mcpServers": {"files": {"command": sys.executable, "args": [str(SERVER)]}}}
    look = Call("mcp__files__list_files", {"path": str(home.projects)})
    delete = Call("mcp__files__delete_folder", {"path": str(home.projects)})
    assert home.zones([look, delete])[0] == "allow"
    # Without this, the model would have to ask for the tools first.
    home.environment["ENABLE_TOOL_SEARCH"] = "false"
    arguments = ["--mcp-config", json.dumps(servers), "--strict-mcp-config", "--dangerously-skip-permissions"]
    outcome = home.run(Script([[look], [delete], [Say("Done.")]]), *arguments)
    assert outcome.result(look).text == "thesis.txt"
    assert home.is_whole
    assert outcome.result(delete).is_error
    assert "riskgate" in outcome.result(delete).text
