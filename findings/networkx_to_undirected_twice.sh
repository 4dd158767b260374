#!/usr/bin/env bash
# `networkx.to_undirected(G)` gives a view of the graph, and the method `G.to_undirected()` a copy: an edge that is added
# to the graph later is seen in the first and not in the second.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet networkx==3.6.1
cd "$folder"
venv/bin/python - <<'END'
import sys

import networkx as nx

print("networkx", nx.__version__)
graph = nx.DiGraph([(1, 2)])
by_function, by_method = nx.to_undirected(graph), graph.to_undirected()
graph.add_edge(2, 3)
print("edges after one more was added to the graph; function:", list(by_function.edges), " method:", list(by_method.edges))
sys.exit(not (by_function.has_edge(2, 3) and not by_method.has_edge(2, 3)))
END
