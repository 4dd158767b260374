"""Why each rule is there and how to mend what it finds, and the page that documents them all.

`diagnostics.RULES` says in one line what a rule is about; loaded by every command, it stays short.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from nb2stage.diagnostics import RULES
from nb2stage.project.configuration import CHECK_CODES


class Rule(NamedTuple):
    """A sentence why, and what to do."""

    why: str
    mend: str


GROUPS: Final = {
    "NB1": "The notebook and its tags",
    "NB2": "Names and values between stages",
    "NB3": "IPython syntax",
    "NB4": "Files",
    "NB5": "Parameters",
    "NB6": "The project's files",
    "NB7": "The project as a whole",
    "NB8": "Running the code",
}
FIXABLE: Final = ("NB701", "NB711", "NB721", "NB722")

RULES_EXPLAINED: Final[dict[str, Rule]] = {
    # -- NB1
    "NB100": Rule(
        "Without the notebook there is nothing to convert.",
        "Check the path; a similar name in the same folder is suggested.",
    ),
    "NB101": Rule(
        "A notebook is JSON text in UTF-8; anything else is a damaged file, a merge conflict or another kind of file.",
        "Resolve the conflict, fetch the real file (`git lfs pull`, the raw download), or save it again in Jupyter.",
    ),
    "NB102": Rule(
        "JSON that has no cells cannot be a pipeline.",
        "Name the .ipynb file itself; open it in Jupyter and save it when it is malformed.",
    ),
    "NB103": Rule(
        "Cells are read from format 4; older formats are upgraded by nbformat, newer ones are not known.",
        "Open the notebook in Jupyter and save it, or install a newer nb2stage.",
    ),
    "NB104": Rule(
        "The analysis reads Python and nothing else.",
        "Choose a Python kernel (Kernel > Change Kernel) and save, if the cells are Python after all.",
    ),
    "NB105": Rule(
        "A cell whose text cannot be read cannot be left out silently.",
        "Open the notebook in Jupyter and save it: Jupyter repairs what it can.",
    ),
    "NB106": Rule(
        "Tags decide what runs, so a guess at what they mean would be a guess at the pipeline.",
        'Write them as a list: `"tags": ["train"]` in the metadata of the cell.',
    ),
    "NB110": Rule(
        "A cell is one piece of one script.",
        "Keep one of the tags, or split the cell.",
    ),
    "NB111": Rule(
        "A cell cannot be in the pipeline and outside it, or be both parameters and a stage.",
        "Keep the tag that you mean.",
    ),
    "NB112": Rule(
        "The name becomes a file name, a key of dvc.yaml and a target of `dvc repro`.",
        "Use letters, digits, `-` and `_`, beginning with a letter, and no name that another stage has in other case.",
    ),
    "NB113": Rule(
        "A misspelt tag leaves a cell out of the pipeline without a word.",
        "Correct the spelling; where the tag is meant as it is, nothing needs to be done.",
    ),
    "NB114": Rule(
        "Only tagged cells go into the pipeline.",
        "Tag the cells that do the work, or write `#| stage: train` as their first line.",
    ),
    "NB115": Rule(
        "A line that begins with `#|` is an instruction; one that is not understood would be ignored.",
        "Use `#| stage:`, `#| tags:`, `#| deps:` or `#| outs:` at the top of the cell, "
        "in one tagged `plots` also `#| x:`, `#| y:` or `#| template:`.",
    ),
    "NB116": Rule(
        "`metrics` and `plots` say what becomes of the values that a stage makes; alone they belong to no script.",
        "Give the cell a stage tag too.",
    ),
    "NB117": Rule(
        "DVC compares numbers and plots tables, and leaves out anything else without a word.",
        "Assign numbers in a cell tagged `metrics`, and lists of numbers or a DataFrame in one tagged `plots`.",
    ),
    "NB120": Rule(
        "A script with this cell would not start.",
        "Correct the line; a cell that should not run gets the tag `skip`.",
    ),
    "NB121": Rule(
        "`print x` and the like ended with Python 2.",
        "Write the cell in Python 3: `print(x)`.",
    ),
    "NB122": Rule(
        "The scripts run with this Python, which does not know the syntax yet.",
        "Use a newer Python for nb2stage and the pipeline, or write the statement in the older way.",
    ),
    "NB123": Rule(
        "Python's own parser, or the analysis, gives up on code that is nested too deeply.",
        "Write the expression in several statements.",
    ),
    "NB124": Rule(
        "IPython rewrites lines that begin with `%`, `!` or `?` even inside some texts; a script keeps the text as it stands.",
        "Write the text so that no line begins with such a character.",
    ),
    "NB125": Rule(
        "The pipeline gives what the notebook gives when it is run from top to bottom; what you see in it came about "
        "otherwise, and may be something else.",
        "Restart the kernel and run all cells. Where the outputs then change, the notebook relied on the order.",
    ),
    # -- NB2
    "NB201": Rule(
        "The cell relies on something that was bound in an earlier session, or in a cell that was deleted.",
        "Bind the name in an earlier cell, or tag the cell `skip`.",
    ),
    "NB202": Rule(
        "Cells without a tag are exploration and stay out of the pipeline, and so does what they bind.",
        "Give the cells the tags that are named: these are all that are needed, and what else stands against a conversion with "
        "them is told in the same run.",
    ),
    "NB203": Rule(
        "After `del` the name is gone, in the notebook as in the pipeline.",
        "Remove the `del`, or bind the name again.",
    ),
    "NB204": Rule(
        "The notebook's later cells see the change; the pipeline, without that cell, would not.",
        "Tag the cell with a stage if the change belongs to the pipeline, `skip` if it does not matter.",
    ),
    "NB205": Rule(
        "What stands behind an error that always happens never runs.",
        "Tag the cell that fails `skip`, or mend it.",
    ),
    "NB206": Rule(
        "A script runs all cells of its stage at once; a cell of another stage between them would see other values.",
        "Give the later cells a stage of their own, as the message says.",
    ),
    "NB207": Rule(
        "Options, styles and seeds work on everything after them; a stage that is another process does not have them.",
        "Tag the cell `setup`, or `skip` if it does not matter.",
    ),
    "NB220": Rule(
        "`exec`, `globals()` and the like bind names that no reader of the code can know.",
        "Write the statements out, or tag the cell `skip`.",
    ),
    "NB221": Rule(
        "`Out`, `_`, `In` and `get_ipython()` belong to a live session.",
        "Bind the value to a name and use that.",
    ),
    "NB222": Rule(
        "Stages run in the project folder; every relative path would mean another file.",
        "Remove the change of folder and write paths from the project folder.",
    ),
    "NB230": Rule(
        "Without a seed the notebook itself gives other results each time: no run can be repeated or compared.",
        "Seed the generator in the first cell (`np.random.seed(42)`), or give the call a seed: `random_state=42`, "
        "`default_rng(42)`.",
    ),
    "NB231": Rule(
        "Some libraries draw from a generator of their own whose state nothing can read: another process cannot go on with it, "
        "and the seed made again would give the first numbers once more.",
        "Seed it again in the stage that draws, or put the cells that draw into one stage.",
    ),
    "NB240": Rule(
        "Each stage is a process of its own, so settings are made again in each; that takes code which can be repeated.",
        "Make the setting with constants, in a line of its own of a cell tagged `setup`; what a call does that nobody knows, "
        "nb2stage.toml can say.",
    ),
    "NB241": Rule(
        "Outside of the stages only code that costs nothing and changes nothing can be repeated in each.",
        "Put the cell into a stage.",
    ),
    "NB242": Rule(
        "The value is bound in a way that no file can carry from one process to the next.",
        "Bind the name in one cell of a stage.",
    ),
    "NB243": Rule(
        "Open files, connections, generators and locks live in one process only.",
        "Make the value in the stage that uses it, or put both cells into one stage.",
    ),
    "NB244": Rule(
        "A file would hold a copy; the view in the notebook sees the later change.",
        "Make a copy (`.copy()`), or put the cells into one stage.",
    ),
    "NB245": Rule(
        "Defaults are computed when a function is defined; repeated in a later stage they would have another value.",
        "Define the function in the stage that uses it.",
    ),
    "NB246": Rule(
        "The cell would run before or after the whole stage, and the stage would see the wrong value.",
        "Give the cell the tag of that stage, or another name to the variable.",
    ),
    "NB247": Rule(
        "Each stage is a process of its own and imports your modules anew: what a call has changed in a module is done again "
        "there, which takes calls with constants.",
        "Keep the value in a variable of the notebook and pass it to the functions, or put the cells into one stage.",
    ),
    "NB248": Rule(
        "What a module does when it is imported is done in each stage that imports it; in the notebook it was done once.",
        "Put it into a function of the module, and call that in a cell.",
    ),
    "NB249": Rule(
        "A call that nobody knows and that ends a cell may set something in the process beside giving the value that the cell "
        "shows; a later stage would not see that.",
        "Put it into a cell tagged `setup` if it makes a setting; else say in nb2stage.toml that it does nothing.",
    ),
    "NB250": Rule(
        "Imports and definitions go into the scripts that use them; a stage of nothing else would do nothing.",
        "Nothing needs to be done.",
    ),
    "NB251": Rule(
        "A pipeline without work is no pipeline.",
        "Tag the cells that do the work.",
    ),
    "NB260": Rule(
        "Before pandas 3 a selection from a frame may be a view of it, which sees later changes; since then it is a copy.",
        "Activate the environment that the notebook runs in, make it in `.venv`, or pin pandas in requirements.txt.",
    ),
    "NB290": Rule(
        "The syntax is valid, but its effect on values cannot be followed yet.",
        "Write it in another way, or tag the cell `skip`.",
    ),
    # -- NB3
    "NB301": Rule(
        "A magic of an extension may do anything, to any name.",
        "Write in Python what it does, or tag the cell `skip`.",
    ),
    "NB302": Rule(
        "The magic needs the live session: history, the debugger, the notebook's interface.",
        "Write in Python what it does, or tag the cell `skip`.",
    ),
    "NB303": Rule(
        "The command relies on the interactive shell of the notebook.",
        "Call the program with `subprocess.run`, or tag the cell `skip`.",
    ),
    "NB304": Rule(
        "`%timeit` runs its statement as often as the machine allows; what that changes cannot be repeated.",
        "Write the statement without `%timeit`, or tag the cell `skip`.",
    ),
    "NB305": Rule(
        "What such a line means depends on which names are bound when it runs.",
        "Write the call with parentheses, or the magic with its `%`.",
    ),
    "NB306": Rule(
        "The cell fails in the notebook too.",
        "Put the magic on the first line of the cell, and correct its arguments.",
    ),
    "NB307": Rule(
        "An extension could also change settings or bind names; it was taken to add magics only.",
        "If it does more, write in Python what it does.",
    ),
    "NB308": Rule(
        "Whoever runs the pipeline elsewhere needs the same packages, and conda or a local path cannot be written there.",
        "Write by hand into the project's own list of packages what the line installs.",
    ),
    "NB309": Rule(
        "Your line in requirements.txt stays; the notebook was run with another version.",
        "Make both the same.",
    ),
    "NB310": Rule(
        "A script is no page of Colab: nobody clicks there, and `google.colab` cannot be imported elsewhere. What mounts a "
        "drive, downloads a file or is done on Colab only is left out; secrets come from the environment.",
        "Put the data into the project, and set the variables where the pipeline runs.",
    ),
    # -- NB4
    "NB401": Rule(
        "DVC re-runs a stage when a file that it reads has changed, so it has to know the file.",
        "Write the path as a constant, or declare it: `#| deps: data/a.csv` as the first line of the cell.",
    ),
    "NB402": Rule(
        "DVC keeps what a stage writes, and gives it to later stages, only where it knows the file.",
        "Write the path as a constant, or declare it: `#| outs: b.csv` as the first line of the cell.",
    ),
    "NB403": Rule(
        "`dvc repro` stops where a dependency is missing.",
        "Put the file there, get it with `dvc pull`, or correct the path.",
    ),
    "NB404": Rule(
        "A program may read and write any file, and DVC has to know which.",
        "Declare them: `#| deps: data/a.csv` and `#| outs: b.csv` as the first lines of the cell.",
    ),
    "NB405": Rule(
        "When the data changes at its source, nothing here shows it, and old results cannot be made again.",
        "`dvc import-url URL data/` keeps the version, and the notebook reads that file; or read a URL with a version in it: "
        "a commit, a release, a record number.",
    ),
    "NB406": Rule(
        "The path exists on one machine: the pipeline fails for a colleague and in CI.",
        "Put the file into the project, and write its path from the project folder.",
    ),
    "NB407": Rule(
        "Git and DVC keep what lies in the project: a file outside it is missing on the next machine, and DVC cannot keep "
        "one that is written there.",
        "Put the file into the project, or make the folder above the project: `--output ..`.",
    ),
    "NB408": Rule(
        "DVC stops where a stage has not made its outs, so a file that may not be written cannot be one.",
        "Write the file in any case; or, where the condition always holds, declare it: `#| outs: b.csv` as the first line "
        "of the cell.",
    ),
    "NB410": Rule(
        "DVC takes a file as the out of one stage only.",
        "Write to two files, or put the cells into one stage.",
    ),
    "NB411": Rule(
        "DVC cannot say which of the two contents a stage is to see.",
        "Write the result to a file of another name.",
    ),
    "NB412": Rule(
        "A second run would append a second time.",
        "Write the whole file in one stage.",
    ),
    "NB413": Rule(
        "DVC deletes the outs of a stage before it runs; a file of yours would be lost, so it is listed with `persist: true`.",
        "Nothing needs to be done; delete the file and `persist` once the stage alone makes it.",
    ),
    "NB414": Rule(
        "DVC takes a file as the out of one stage only: the last stage that writes it has it, the others write to the cache "
        "folder, and a stage that goes on with the file begins with a copy.",
        "Nothing needs to be done; give the files names of their own if you want to keep each.",
    ),
    "NB415": Rule(
        "DVC deletes the report before the stage runs that writes it, so a report/report.md of your own is left alone. "
        "A picture that lies inside the notebook has no address.",
        "Give your own file another name; save a pasted picture as a file and link it.",
    ),
    "NB416": Rule(
        "A call that nb2stage does not know is given the path of a file. Whether it reads the file, a dependency then, or "
        "writes it, an out then, decides what DVC runs again.",
        "Say which it is in the first line of the cell: `#| deps: a.csv` or `#| outs: b.csv`.",
    ),
    "NB417": Rule(
        "What a stage writes stays where it is until the stage runs again, so an earlier stage that lists the folder finds it "
        "there from the second run on.",
        "Write the file to a folder of its own, or list the folder in a stage behind the one that writes there.",
    ),
    "NB418": Rule(
        "Scripts, the cache and dvc.yaml lie in the project too: a stage that lists their folder sees more than the notebook.",
        "Keep data in folders of their own, and list those.",
    ),
    # -- NB5
    "NB501": Rule(
        "There is one value for each name in params.yaml.",
        "Bind each parameter once, in cells tagged `parameters`.",
    ),
    "NB551": Rule(
        "DVC reads params.yaml for each stage, and stops where it cannot.",
        "Correct the line that is named.",
    ),
    "NB552": Rule(
        "What you wrote is kept to the byte, and some forms of YAML leave no place for a new line.",
        "Write the file without anchors and aliases, or add the parameter by hand.",
    ),
    "NB553": Rule(
        "DVC has no type for dates and stops, even when no stage reads the value.",
        'Quote it: `"2024-01-31"`.',
    ),
    "NB554": Rule(
        "DVC reads YAML 1.2 and many programs 1.1, in which `yes`, `010` or `1e-3` are something else.",
        "Write `true`, `8`, `0.001`, or quote the text.",
    ),
    "NB555": Rule(
        "One key cannot be a value and a group, or have two values.",
        "Rename one of the two parameters.",
    ),
    "NB556": Rule(
        "NaN differs from itself, so DVC would run the stage each time.",
        "Use `null`, or a number that stands for it.",
    ),
    "NB557": Rule(
        "What you have tuned in params.yaml is never overwritten by a conversion.",
        "Nothing, or write the notebook's new value into params.yaml.",
    ),
    # -- NB6
    "NB601": Rule(
        "Neither DVC nor nb2stage can go on with a dvc.yaml that is not what DVC expects.",
        "Correct the line that is named.",
    ),
    "NB602": Rule(
        "What you wrote is kept to the byte, and some forms of YAML leave no place for a change.",
        "Write our stages in block style, without anchors and aliases.",
    ),
    "NB603": Rule(
        "A `foreach`, `matrix` or `wdir` stage runs in another way than the stage of a notebook.",
        "Rename one of the two stages.",
    ),
    "NB604": Rule(
        "Stages of one dvc.yaml need different names, and so do their scripts: those of the later notebook get its name too, "
        "`forecast_train`, and keep it.",
        "Nothing needs to be done; for other names tag the cells `stage:NAME`.",
    ),
    "NB605": Rule(
        "A stage that somebody wrote is not overwritten.",
        "Give the cells another stage name, or overwrite the stage with `--force`.",
    ),
    "NB606": Rule(
        "All paths of a pipeline are relative to the project folder.",
        "Move the notebook into the project, or say with `--output` which folder the project is.",
    ),
    "NB607": Rule(
        "A command that looked at nothing would say that all is well.",
        "Change to the project's folder, or to one in it; `nb2stage convert NOTEBOOK` makes a project.",
    ),
    "NB612": Rule(
        "A file that nb2stage did not write, or does not know any more, is not overwritten.",
        "Rename the file or the stage, or overwrite the file with `--force`; commit it before, and git gives hand edits back.",
    ),
    "NB613": Rule(
        "The stage is gone from the notebook, and what you edited of it is kept: from now on it is yours.",
        "Delete the script and the stage in dvc.yaml if you do not need them.",
    ),
    "NB614": Rule(
        "Nothing is written outside the project, nor in place of a folder.",
        "Replace the link by a file of the project, or rename what stands there.",
    ),
    "NB615": Rule(
        "All files are written or none; one of them could not be.",
        "Make room or give the permission, and run the command again.",
    ),
    "NB616": Rule(
        "The state file tells generated scripts from edited ones.",
        "Restore `.nb2stage/` from git. If it is of an older version: commit everything, convert with `--force`.",
    ),
    "NB617": Rule(
        "The notebook was renamed, as far as can be told.",
        "Nothing needs to be done.",
    ),
    "NB620": Rule(
        "A setting that is not understood would be ignored.",
        "Correct the setting in nb2stage.toml or below `[tool.nb2stage]` in pyproject.toml.",
    ),
    "NB621": Rule(
        "DVC needs git, and the pipeline needs DVC.",
        "Install what is missing and run the command by hand to see why it fails.",
    ),
    "NB618": Rule(
        "Your edit and the notebook's new text change the same lines; which is right only you can tell.",
        "Look for `<<<<<<<` in the file, keep what is right, delete the markers, and convert again.",
    ),
    "NB619": Rule(
        "The cells of a stage carry another tag now; its script and your edits move along.",
        "Nothing, if that is what you meant; commit the script under its new name.",
    ),
    "NB622": Rule(
        "The cached results of a stage that is gone are not deleted: they may be all that is left of a long run.",
        "Delete the folder when you do not need it, and run `dvc gc` for what DVC keeps of it.",
    ),
    "NB623": Rule(
        "You took the stage out of dvc.yaml, while the notebook still has its cells.",
        "Tag its cells `skip`, or convert with `--force` to have the stage again.",
    ),
    "NB624": Rule(
        "Your entry in dvc.yaml names a file that the notebook's new stages read or write in another way.",
        "Compare the stage with the notebook, and correct one of them.",
    ),
    "NB625": Rule(
        "A script with conflict markers is not Python, and a second merge would bury the first.",
        "Look for `<<<<<<<` in the file, keep what is right, delete the markers, and convert again.",
    ),
    "NB626": Rule(
        "Your comments belong to the script, and DVC runs a stage again when a byte of its script changes.",
        "Let `dvc repro` run it, or record the new script without a run: `dvc commit -f STAGE`.",
    ),
    "NB627": Rule(
        "Lines of nb2stage's own, and lines that several cells share, have no place in one cell.",
        "Make the edit in the notebook yourself, or leave it in the script: it stays there.",
    ),
    "NB628": Rule(
        "An edit is moved into the notebook as it is converted: from there it must give the very script that you have.",
        "Run the command that is named, then pull again.",
    ),
    "NB629": Rule(
        "Functions that other stages use now have moved to another file, and your edits of them would stay behind.",
        "Make the edits in the notebook, and convert with `--force`.",
    ),
    "NB630": Rule(
        "DVC writes a .gitignore beside an out that git does not ignore, and a stage that lists the folder sees one file more "
        "than the notebook. The outs stand in the .gitignore of the project now.",
        "Nothing needs to be done; where a stage lists the folder, run it again once: `dvc repro -f -s STAGE`.",
    ),
    "NB640": Rule(
        "A picture or a table of the pipeline needs a dvc.yaml, a notebook with tags, or commits to look back on.",
        "Convert a notebook first, or name the notebook; for a history, commit the project.",
    ),
    "NB641": Rule(
        "Some commands hand work to git, DVC or a plotting package.",
        "Install what the message names.",
    ),
    # -- NB7
    "NB701": Rule(
        "`dvc repro` runs the scripts: as long as they are older than the notebook, its results are not the notebook's.",
        "Run `nb2stage convert` on the notebooks and commit what it writes; `--fix` does the first. Another version of "
        "nb2stage may write other lines: use one in the whole project.",
    ),
    "NB702": Rule(
        "The stages of a notebook that is gone can be neither converted again nor checked.",
        "Restore the notebook; or convert it under its new name, which takes the stages over.",
    ),
    "NB710": Rule(
        "DVC runs a notebook only as a whole: each save of it counts as a change, and a changed plot trains the model again.",
        "Make scripts of the notebook with `nb2stage convert`. Notebooks for exploration and for a search of parameters may "
        "run as they are: they belong in `data_exploration/` or `hpo/`.",
    ),
    "NB711": Rule(
        "DVC does not look into commands: after an edit of the script it would say that nothing has changed.",
        "Add the script to the deps of the stage; `--fix` does so.",
    ),
    "NB720": Rule(
        "Git keeps every version of a large file for good and hands it to every clone; DVC refuses outs that git tracks.",
        "`git rm --cached FILE`, then `dvc add FILE` where no stage makes it.",
    ),
    "NB721": Rule(
        "The next `git add .` would put the files into git, from where they never go away.",
        "Add them to .gitignore, which `--fix` does; `dvc add FILE` does so too, and keeps the data.",
    ),
    "NB722": Rule(
        "DVC says nothing about it, and shows nothing for any commit: metrics, parameters and code of old runs are lost.",
        "Remove the line from .gitignore or add a line with `!` below it, which `--fix` does where it has an effect; let "
        "metrics have `cache: false`.",
    ),
    "NB730": Rule(
        "Notebooks that nothing runs and nobody marks as exploration are where code goes to rot, and to be copied from.",
        "Convert it; move it to `data_exploration/` or `hpo/`; or name other folders in the configuration: "
        "`notebook-folders`.",
    ),
    "NB731": Rule(
        "Outputs are stored anew with each save, make differences unreadable, and may hold data that is not for git.",
        "Clear them before the commit, as `nbstripout` does; or allow more in the configuration: `max-output-kb`.",
    ),
    # -- NB8
    "NB801": Rule(
        "To execute notebooks, `run` and `verify` use papermill and nbclient. They come with `nb2stage`, and not with "
        "`nb2stage-check`, which hooks install.",
        "Install nb2stage itself, or what the message names: `pip install papermill nbclient ipykernel`.",
    ),
    "NB802": Rule(
        "A notebook names the kernel that it was written with, and this environment may have another one.",
        "Choose one of the kernels that the message lists with `--kernel`, or install ipykernel.",
    ),
    "NB803": Rule(
        "The process of the notebook ended in the middle of a cell: out of memory, mostly, or a library that crashed.",
        "Run the cell in Jupyter and watch its memory.",
    ),
    "NB804": Rule(
        "A notebook that does not run through has no results that anything could be compared with.",
        "Mend the cell. What `verify` runs are the tagged cells, and the imports and definitions of the others.",
    ),
    "NB805": Rule(
        "A script that fails gives no results to compare.",
        "Look at the cell and line that are named; where the script was edited by hand, convert again.",
    ),
    "NB806": Rule(
        "As nothing of the project may be touched, `verify` works on copies of it.",
        "Point the variable TMPDIR to a folder with more room; put into the project what lies outside it.",
    ),
    "NB807": Rule(
        "With a dvc.yaml or scripts of another state of the notebook there is no pipeline to compare.",
        "Run `nb2stage convert`.",
    ),
    "NB808": Rule(
        "A value for a name that the notebook does not have would change nothing, and nobody would notice.",
        "Write the key as it stands in params.yaml, or the name as it stands in the cell tagged `parameters`.",
    ),
    "NB809": Rule(
        "A text where a number was is most often a slip: `0,1` for `0.1`.",
        "Give a value of the same kind, if it was one.",
    ),
    "NB810": Rule(
        "A run must not stop at a stage that is not there, nor write over an earlier run unasked.",
        "Do what the hint says.",
    ),
    "NB811": Rule(
        "The state file knows the lines of the scripts as they were generated.",
        "Give script and line as the traceback has them; convert again where notebook or scripts have changed since.",
    ),
}

_INTRODUCTION: Final = """\
# Rules

<!-- Generated by `nb2stage rules --markdown`. Edit src/nb2stage/rules.py and src/nb2stage/diagnostics.py. -->

Each message of nb2stage has a code. `nb2stage rules NB201` prints what it stands for.

`nb2stage convert` finds NB1 to NB6. An *error* stops it before anything is written, a *warning* says what it assumed.

`nb2stage check` finds NB7, what stops a conversion, and what some rules of `convert` only warn about; these are marked
**check** below and can be switched off, everywhere or for some paths:

```toml
# nb2stage.toml; in pyproject.toml the tables are [tool.nb2stage.check] and [tool.nb2stage.check.per-file-ignores]
[check]
ignore = ["NB731"]
notebook-folders = ["data_exploration", "hpo"]
max-output-kb = 500

[check.per-file-ignores]
"training/old_*.py" = ["NB230", "NB406"]
```

`nb2stage run`, `verify` and `where` find NB8.

What is marked **--fix** is mended by `nb2stage check --fix`.
"""


def page() -> str:
    """The page that documents all rules, as Markdown."""
    lines = [_INTRODUCTION]
    group = ""
    for code in sorted(RULES):
        if code[:3] != group:
            group = code[:3]
            lines += [f"## {GROUPS[group]}", ""]
        marks = ["**check**"] * (code in CHECK_CODES) + ["**--fix**"] * (code in FIXABLE)
        rule = RULES_EXPLAINED[code]
        lines += [f"### {code}: {RULES[code]}", "", *([" ".join(marks), ""] if marks else [])]
        lines += [rule.why, "", f"*Mend it:* {rule.mend}", ""]
    return "\n".join(lines).rstrip() + "\n"


def text(code: str) -> str:
    """A rule for the terminal."""
    rule = RULES_EXPLAINED[code]
    return f"{code}  {RULES[code]}\n       {rule.why}\n       mend it: {rule.mend}"
