"""kube-validate.py VERSION: reads a JSON list of Kubernetes objects from stdin and holds each against the schemas of that
version, strictly (no field that is unknown). Prints a JSON list: for each null, or what is wrong."""
import json
import sys

import kubernetes_validate


def fault(thing, version):
    try:
        kubernetes_validate.validate(thing, version, strict=True)
        return None
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(str(part) for part in error.path)}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        return f"no schema for {thing.get('apiVersion')} {thing.get('kind')}"


print(json.dumps([fault(thing, sys.argv[1]) for thing in json.load(sys.stdin)]))
