"""`python -m nb2stage`."""

from __future__ import annotations

import sys

from nb2stage.cli import main

sys.exit(main())
