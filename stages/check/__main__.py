"""`python -m stages.check`: nothing runs before params.yaml fits the schema. See `stages.check.run`."""

import sys

from cxr.runtime import stage_main

if __name__ == "__main__":
    stage_main.takes_no_arguments()
    stage_main.start("check")
    from stages.check.run import main

    sys.exit(main())
