"""kube-validate.py VERSION [SCHEMA…]: reads a JSON list of Kubernetes objects from stdin and holds each against the schemas of that
version, strictly (no field that is unknown); one that is no kind of Kubernetes' own against the JSON schema that is about it.
Prints a JSON list: for each null, or what is wrong."""
import json
import sys

import jsonschema
import kubernetes_validate

own = {}
for path in sys.argv[2:]:
    with open(path, encoding="utf8") as file:
        schema = json.load(file)
    kind = tuple(schema["properties"][name]["const"] for name in ("apiVersion", "kind"))
    own[kind] = jsonschema.Draft7Validator(schema)


def place(error):
    return f"{'.'.join(str(part) for part in error.path)}: {error.message}"


def fault(thing, version):
    kind = (thing.get("apiVersion"), thing.get("kind"))
    if kind in own:
        error = jsonschema.exceptions.best_match(own[kind].iter_errors(thing))
        return None if error is None else place(error)
    try:
        kubernetes_validate.validate(thing, version, strict=True)
        return None
    except kubernetes_validate.ValidationError as error:
        return place(error)
    except kubernetes_validate.SchemaNotFoundError:
        return f"no schema for {thing.get('apiVersion')} {thing.get('kind')}"


print(json.dumps([fault(thing, sys.argv[1]) for thing in json.load(sys.stdin)]))
