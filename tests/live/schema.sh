#!/bin/sh
# `solowarden schema` prints what is committed, and the samples are valid by it, as an editor or another program would see them.
set -eu
lab=${LAB_DIR:?} solowarden=${SOLOWARDEN:?}
top=$(cd "$(dirname "$0")/../.." && pwd)

"$solowarden" schema >"$lab/schema.json"
cmp "$lab/schema.json" "$top/conf/solowarden.schema.json"
"$solowarden" schema --keys >"$lab/keys"
tail -n "$(wc -l <"$lab/keys")" "$top/conf/solowarden.yaml" | cmp "$lab/keys" -

python3 - "$lab/schema.json" "$top" <<'END'
import json, pathlib, re, sys
import jsonschema, yaml

class Loader(yaml.SafeLoader):
    """PyYAML speaks YAML 1.1: without this, the key `on` and the words yes, no and off would be booleans."""

Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:int")]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
top = pathlib.Path(sys.argv[2])
golden = top / "tests/golden/config"
failed = 0

def errors(path):
    return [error.message for error in validator.iter_errors(yaml.load(path.read_text(), Loader))]

for path in [top / "conf/minimal.yaml", top / "conf/solowarden.yaml", *sorted((golden / "good").glob("*.yaml"))]:
    found = errors(path)
    if found:
        print(path, *found, sep="\n  ")
        failed += 1
# what a schema can know, it refuses as the parser does
for name in ["unknown-keys", "wrong-types", "booleans", "durations", "not-built", "not-understood", "programs", "no-version",
             "inline-secrets", "names", "beside-and-nested"]:
    if not errors(golden / "wrong" / f"{name}.yaml"):
        print(name, "is valid by the schema")
        failed += 1
sys.exit(failed != 0)
END
