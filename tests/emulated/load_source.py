"""A Kubecost whose days are made on the fly, so large that nobody wants to store them."""

import contextlib
import json
import urllib.parse

import recorded_kubecost
from recorded_clusters import DAY, QUANTITIES
from recorded_kubecost import Kubecost

# Rows that are sent at once: a number in their texts is replaced, so that all keys differ.
ROWS_OF_A_BLOCK = 500
NUMBER = b"NNNNNNNN"
PARTS_OF_A_NAME = ["cluster", "node", "namespace", "pod", "container"]


class Load:
    """What a source sends for the day: blocks of rows, and assets."""

    def __init__(self, bytes_of_rows=0, annotation=0, nodes=0):
        self.texts, self.sums_of_a_block = block(annotation)
        self.block, self.rows_of_a_block = b",".join(self.texts), len(self.texts)
        self.blocks = max(1, bytes_of_rows // len(self.block))
        self.nodes = nodes

    @property
    def rows(self):
        return self.blocks * self.rows_of_a_block

    @property
    def cost(self):
        return self.sums()["totalCost"]

    def sums(self):
        return {name: self.blocks * value for name, value in self.sums_of_a_block.items()}

    @property
    def bytes(self):
        return self.blocks * len(self.block)

    def pieces(self):
        yield b'{"code":200,"data":[{'
        for number in range(self.blocks):
            text = self.block.replace(NUMBER, b"%08d" % number)
            yield text if number == 0 else b"," + text
        yield b"}]}"

    def page(self, offset, limit):
        """The rows from an offset on."""
        yield b'{"code":200,"data":[{'
        for number in range(offset, min(offset + limit, self.rows)):
            first, index = divmod(number, self.rows_of_a_block)
            yield (b"," if number > offset else b"") + self.texts[index].replace(NUMBER, b"%08d" % first)
        yield b"}]}"

    def by_cluster(self):
        """The day as one row."""
        recorded = json.loads(recorded_kubecost.moved("kubecost_days_available.json", DAY))
        next(iter(recorded["data"][0].values())).update(self.sums())
        yield json.dumps(recorded).encode()

    def assets(self):
        """Nodes of the recorded kind."""
        recorded = json.loads(recorded_kubecost.moved("kubecost_assets_1day_nodes.json", DAY))["data"][0]
        name, node = next(iter(recorded.items()))
        node["properties"] |= {"name": NUMBER.decode(), "providerID": f"i-{NUMBER.decode()}"}
        text = json.dumps(node).encode()
        yield b'{"code":200,"data":[{'
        for first in range(0, self.nodes, ROWS_OF_A_BLOCK):
            numbers = range(first, min(first + ROWS_OF_A_BLOCK, self.nodes))
            nodes = [b'"%s-%08d":%s' % (name.encode(), number, text.replace(NUMBER, b"%08d" % number)) for number in numbers]
            yield (b"," if first else b"") + b",".join(nodes)
        yield b"}]}"


def block(annotation):
    """Some hundred rows of the recorded day, whose names have a number in them, or one with a long annotation; and sums of them."""
    recorded = json.loads(recorded_kubecost.moved("kubecost_allocation_1day.json", DAY))["data"][0]
    recorded = [row for row in recorded.values() if set(PARTS_OF_A_NAME) <= row["properties"].keys()]
    texts, sums = [], dict.fromkeys(QUANTITIES, 0.0)
    # A block is to be small, too.
    for index in range(1 if annotation else ROWS_OF_A_BLOCK):
        row = json.loads(json.dumps(recorded[index % len(recorded)]))
        pod = f"pod-{NUMBER.decode()}-{index:04}"
        row["properties"] |= {"pod": pod}
        row["name"] = "/".join(row["properties"][part] for part in PARTS_OF_A_NAME)
        if annotation:
            row["properties"]["annotations"] = {"text": "x" * annotation}
        texts.append(json.dumps({row["name"]: row}).encode()[1:-1])
        sums = {name: value + row[name] for name, value in sums.items()}
    return texts, sums


def source_of(load):
    """The handler of a source that sends a load as the one day that it has."""

    class Source(Kubecost):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            url = urllib.parse.urlparse(self.path)
            parameters = urllib.parse.parse_qs(url.query)
            is_of_the_day = parameters.get("window", [""])[0].startswith(f"{DAY}T")
            if url.path == "/model/assets" and load.nodes:
                return self.send_pieces(load.assets())
            if url.path == "/model/allocation" and is_of_the_day:
                if "aggregate" in parameters:
                    return self.send_pieces(load.by_cluster())
                if "limit" in parameters:
                    return self.send_pieces(load.page(int(parameters["offset"][0]), int(parameters["limit"][0])))
                return self.send_pieces(load.pieces())
            return super().do_GET()

        def send_pieces(self, pieces):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            # A response that is refused is not read to its end.
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

    return Source
