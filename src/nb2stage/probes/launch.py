"""`python launch.py MODULE REQUEST`: run one of these modules; it stands beside the folder that holds them."""

import sys

_module, _request = sys.argv[1:3]
getattr(__import__(f"nb2stage_probes.{_module}"), _module).main(_request)
