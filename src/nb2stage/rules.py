"""The rules, a record each: messages have the codes, `nb2stage rules` and docs/rules.md the rest; one more is one record."""

from __future__ import annotations

from typing import Final, NamedTuple


class Rule(NamedTuple):
    """What a rule is about in one line, a sentence why it is there, and what to do."""

    title: str
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

RULES: Final[dict[str, Rule]] = {
    # -- NB1
    "NB100": Rule(
        "the notebook cannot be opened",
        "Without the notebook there is nothing to convert.",
        "Check the path; a similar name in the same folder is suggested.",
    ),
    "NB101": Rule(
        "the file is not readable as UTF-8 JSON",
        "A notebook is JSON text in UTF-8; anything else is a damaged file, a merge conflict or another kind of file.",
        "Resolve the conflict, fetch the real file (`git lfs pull`, the raw download), or save it again in Jupyter.",
    ),
    "NB102": Rule(
        "the file is JSON but not a notebook",
        "JSON that has no cells cannot be a pipeline.",
        "Name the .ipynb file itself; open it in Jupyter and save it when it is malformed.",
    ),
    "NB103": Rule(
        "the notebook's format is unknown or cannot be upgraded",
        "Cells are read from format 4; older formats are upgraded by nbformat, newer ones are not known.",
        "Open the notebook in Jupyter and save it, or install a newer nb2stage.",
    ),
    "NB104": Rule(
        "the notebook's language is not Python",
        "The analysis reads Python and nothing else.",
        "Choose a Python kernel (Kernel > Change Kernel) and save, if the cells are Python after all.",
    ),
    "NB105": Rule(
        "a cell is malformed",
        "A cell whose text cannot be read cannot be left out silently.",
        "Open the notebook in Jupyter and save it: Jupyter repairs what it can.",
    ),
    "NB106": Rule(
        "the tags of a cell are not a list of texts",
        "Tags decide what runs, so a guess at what they mean would be a guess at the pipeline.",
        'Write them as a list: `"tags": ["train"]` in the metadata of the cell.',
    ),
    "NB110": Rule(
        "a cell belongs to two stages",
        "A cell is one piece of one script.",
        "Keep one of the tags, or split the cell.",
    ),
    "NB111": Rule(
        "the tags of a cell exclude each other",
        "A cell cannot be in the pipeline and outside it, or be both parameters and a stage.",
        "Keep the tag that you mean.",
    ),
    "NB112": Rule(
        "a stage name cannot be used",
        "The name becomes a file name, a key of dvc.yaml and a target of `dvc repro`.",
        "Use letters, digits, `-` and `_`, beginning with a letter, and no name that another stage has in other case.",
    ),
    "NB113": Rule(
        "a tag looks like a misspelt one of ours",
        "A misspelt tag leaves a cell out of the pipeline without a word.",
        "Correct the spelling; where the tag is meant as it is, nothing needs to be done.",
    ),
    "NB114": Rule(
        "no cell belongs to a stage",
        "Only tagged cells go into the pipeline.",
        "`nb2stage tag NOTEBOOK --write` proposes the tags. Or tag the cells that do the work, "
        "or write `#| stage: train` as their first line.",
    ),
    "NB115": Rule(
        "a `#|` line cannot be understood",
        "A line that begins with `#|` is an instruction; one that is not understood would be ignored.",
        "Use `#| stage:`, `#| tags:`, `#| deps:` or `#| outs:` at the top of the cell, "
        "in one tagged `plots` also `#| x:`, `#| y:` or `#| template:`.",
    ),
    "NB116": Rule(
        "`metrics` or `plots` without a stage",
        "`metrics` and `plots` say what becomes of the values that a stage makes; alone they belong to no script.",
        "Give the cell a stage tag too.",
    ),
    "NB117": Rule(
        "what a cell tagged `metrics` or `plots` assigns is not written",
        "DVC compares numbers and plots tables, and leaves out anything else without a word.",
        "Assign numbers in a cell tagged `metrics`, and lists of numbers or a DataFrame in one tagged `plots`.",
    ),
    "NB120": Rule(
        "a cell is not valid Python",
        "A script with this cell would not start.",
        "Correct the line; a cell that should not run gets the tag `skip`.",
    ),
    "NB121": Rule(
        "a cell is written in Python 2",
        "`print x` and the like ended with Python 2.",
        "Write the cell in Python 3: `print(x)`.",
    ),
    "NB122": Rule(
        "a cell needs a newer Python than the one that runs",
        "The scripts run with this Python, which does not know the syntax yet.",
        "Use a newer Python for nb2stage and the pipeline, or write the statement in the older way.",
    ),
    "NB123": Rule(
        "Python's parser cannot read a cell",
        "Python's own parser, or the analysis, gives up on code that is nested too deeply.",
        "Write the expression in several statements.",
    ),
    "NB124": Rule(
        "IPython changes a text that a script would keep",
        "IPython rewrites lines that begin with `%`, `!` or `?` even inside some texts; a script keeps the text as it stands.",
        "Write the text so that no line begins with such a character.",
    ),
    "NB125": Rule(
        "the saved outputs come from cells that were run in another order",
        "The pipeline gives what the notebook gives when it is run from top to bottom; what you see in it came about "
        "otherwise, and may be something else.",
        "Restart the kernel and run all cells. Where the outputs then change, the notebook relied on the order.",
    ),
    # -- NB2
    "NB201": Rule(
        "a name that no earlier cell binds",
        "The cell relies on something that was bound in an earlier session, or in a cell that was deleted.",
        "Bind the name in an earlier cell, or tag the cell `skip`.",
    ),
    "NB202": Rule(
        "a name that comes from an untagged cell",
        "Cells without a tag are exploration and stay out of the pipeline, and so does what they bind.",
        "Give the cells the tags that are named: these are all that are needed, and what else stands against a conversion with "
        "them is told in the same run.",
    ),
    "NB203": Rule(
        "a name that was deleted before",
        "After `del` the name is gone, in the notebook as in the pipeline.",
        "Remove the `del`, or bind the name again.",
    ),
    "NB204": Rule(
        "an untagged cell changes what a stage uses",
        "The notebook's later cells see the change; the pipeline, without that cell, would not.",
        "Tag the cell with a stage if the change belongs to the pipeline, `skip` if it does not matter.",
    ),
    "NB205": Rule(
        "a cell before always ends with an error",
        "What stands behind an error that always happens never runs.",
        "Tag the cell that fails `skip`, or mend it.",
    ),
    "NB206": Rule(
        "grouping the cells of a stage would change what a cell sees",
        "A script runs all cells of its stage at once; a cell of another stage between them would see other values.",
        "Give the later cells a stage of their own, as the message says.",
    ),
    "NB207": Rule(
        "an untagged cell makes a setting that a stage would notice",
        "Options, styles and seeds work on everything after them; a stage that is another process does not have them.",
        "Tag the cell `setup`, or `skip` if it does not matter.",
    ),
    "NB220": Rule(
        "code that cannot be followed by reading it",
        "`exec`, `globals()` and the like bind names that no reader of the code can know.",
        "Write the statements out, or tag the cell `skip`.",
    ),
    "NB221": Rule(
        "a name that exists only in a live notebook",
        "`Out`, `_`, `In` and `get_ipython()` belong to a live session.",
        "Bind the value to a name and use that.",
    ),
    "NB222": Rule(
        "the working directory changes",
        "Stages run in the project folder; every relative path would mean another file.",
        "Remove the change of folder and write paths from the project folder.",
    ),
    "NB230": Rule(
        "random numbers without a seed",
        "Without a seed the notebook itself gives other results each time: no run can be repeated or compared.",
        "Seed the generator in the first cell (`np.random.seed(42)`), or give the call a seed: `random_state=42`, "
        "`default_rng(42)`.",
    ),
    "NB231": Rule(
        "random numbers that go on in another stage",
        "Some libraries draw from a generator of their own whose state nothing can read: another process cannot go on with it, "
        "and the seed made again would give the first numbers once more.",
        "Seed it again in the stage that draws, or put the cells that draw into one stage.",
    ),
    "NB240": Rule(
        "a setting that cannot be repeated in a later stage",
        "Each stage is a process of its own, so settings are made again in each; that takes code which can be repeated.",
        "Make the setting with constants, in a line of its own of a cell tagged `setup`; what a call does that nobody knows, "
        "nb2stage.toml can say.",
    ),
    "NB241": Rule(
        "a value made by code that cannot be repeated",
        "Outside of the stages only code that costs nothing and changes nothing can be repeated in each.",
        "Put the cell into a stage.",
    ),
    "NB242": Rule(
        "a value that no stage can hand on",
        "The value is bound in a way that no file can carry from one process to the next.",
        "Bind the name in one cell of a stage.",
    ),
    "NB243": Rule(
        "a value that cannot be saved",
        "Open files, connections, generators and locks live in one process only.",
        "Make the value in the stage that uses it, or put both cells into one stage.",
    ),
    "NB244": Rule(
        "a view of memory that changes later",
        "A file would hold a copy; the view in the notebook sees the later change.",
        "Make a copy (`.copy()`), or put the cells into one stage.",
    ),
    "NB245": Rule(
        "a definition whose default has another value by then",
        "Defaults are computed when a function is defined; repeated in a later stage they would have another value.",
        "Define the function in the stage that uses it.",
    ),
    "NB246": Rule(
        "a cell without a stage binds a name between cells of a stage that use it",
        "The cell would run before or after the whole stage, and the stage would see the wrong value.",
        "Give the cell the tag of that stage, or another name to the variable.",
    ),
    "NB247": Rule(
        "a change of one of your modules cannot be made again in a later stage",
        "Each stage is a process of its own and imports your modules anew: what a call has changed in a module is done again "
        "there, which takes calls with constants.",
        "Keep the value in a variable of the notebook and pass it to the functions, or put the cells into one stage.",
    ),
    "NB248": Rule(
        "importing one of your modules does something that must not be done twice",
        "What a module does when it is imported is done in each stage that imports it; in the notebook it was done once.",
        "Put it into a function of the module, and call that in a cell.",
    ),
    "NB249": Rule(
        "a call that is taken to be there for its value",
        "A call that nobody knows and that ends a cell may set something in the process beside giving the value that the cell "
        "shows; a later stage would not see that.",
        "Put it into a cell tagged `setup` if it makes a setting; else say in nb2stage.toml that it does nothing.",
    ),
    "NB250": Rule(
        "a stage without work of its own",
        "Imports and definitions go into the scripts that use them; a stage of nothing else would do nothing.",
        "Nothing needs to be done.",
    ),
    "NB251": Rule(
        "no stage has work to do",
        "A pipeline without work is no pipeline.",
        "Tag the cells that do the work.",
    ),
    "NB260": Rule(
        "the notebook's pandas is not known",
        "Before pandas 3 a selection from a frame may be a view of it, which sees later changes; since then it is a copy.",
        "Activate the environment that the notebook runs in, make it in `.venv`, or pin pandas in requirements.txt.",
    ),
    "NB290": Rule(
        "syntax that is not supported yet",
        "The syntax is valid, but its effect on values cannot be followed yet.",
        "Write it in another way, or tag the cell `skip`.",
    ),
    # -- NB3
    "NB301": Rule(
        "a magic that is not IPython's own",
        "A magic of an extension may do anything, to any name.",
        "Write in Python what it does, or tag the cell `skip`.",
    ),
    "NB302": Rule(
        "a magic that has no faithful form in a script",
        "The magic needs the live session: history, the debugger, the notebook's interface.",
        "Write in Python what it does, or tag the cell `skip`.",
    ),
    "NB303": Rule(
        "a shell command that has no faithful form in a script",
        "The command relies on the interactive shell of the notebook.",
        "Call the program with `subprocess.run`, or tag the cell `skip`.",
    ),
    "NB304": Rule(
        "a magic was left out whose statement may change something",
        "`%timeit` runs its statement as often as the machine allows; what that changes cannot be repeated.",
        "Write the statement without `%timeit`, or tag the cell `skip`.",
    ),
    "NB305": Rule(
        "IPython's auto-call or automagic syntax",
        "What such a line means depends on which names are bound when it runs.",
        "Write the call with parentheses, or the magic with its `%`.",
    ),
    "NB306": Rule(
        "a cell magic that IPython itself would refuse",
        "The cell fails in the notebook too.",
        "Put the magic on the first line of the cell, and correct its arguments.",
    ),
    "NB307": Rule(
        "an extension was assumed to add magics only",
        "An extension could also change settings or bind names; it was taken to add magics only.",
        "If it does more, write in Python what it does.",
    ),
    "NB308": Rule(
        "packages that are installed in another way than requirements.txt can say",
        "Whoever runs the pipeline elsewhere needs the same packages, and conda or a local path cannot be written there.",
        "Write by hand into the project's own list of packages what the line installs.",
    ),
    "NB309": Rule(
        "requirements.txt asks for another version than the notebook",
        "Your line in requirements.txt stays; the notebook was run with another version.",
        "Make both the same.",
    ),
    "NB310": Rule(
        "lines that only Colab has are left out",
        "A script is no page of Colab: nobody clicks there, and `google.colab` cannot be imported elsewhere. What mounts a "
        "drive, downloads a file or is done on Colab only is left out; secrets come from the environment.",
        "Put the data into the project, and set the variables where the pipeline runs.",
    ),
    # -- NB4
    "NB401": Rule(
        "a file is read whose path is not known",
        "DVC re-runs a stage when a file that it reads has changed, so it has to know the file.",
        "Write the path as a constant, or declare it: `#| deps: data/a.csv` as the first line of the cell.",
    ),
    "NB402": Rule(
        "a file is written whose path is not known",
        "DVC keeps what a stage writes, and gives it to later stages, only where it knows the file.",
        "Write the path as a constant, or declare it: `#| outs: b.csv` as the first line of the cell.",
    ),
    "NB403": Rule(
        "a file that is read does not exist",
        "`dvc repro` stops where a dependency is missing.",
        "Put the file there, get it with `dvc pull`, or correct the path.",
    ),
    "NB404": Rule(
        "a command may touch files that are not known",
        "A program may read and write any file, and DVC has to know which.",
        "Declare them: `#| deps: data/a.csv` and `#| outs: b.csv` as the first lines of the cell.",
    ),
    "NB405": Rule(
        "data from the network has no version",
        "When the data changes at its source, nothing here shows it, and old results cannot be made again.",
        "`dvc import-url URL data/` keeps the version, and the notebook reads that file; or read a URL with a version in it: "
        "a commit, a release, a record number.",
    ),
    "NB406": Rule(
        "an absolute path",
        "The path exists on one machine: the pipeline fails for a colleague and in CI.",
        "Put the file into the project, and write its path from the project folder.",
    ),
    "NB407": Rule(
        "a file outside the project is read or written",
        "Git and DVC keep what lies in the project: a file outside it is missing on the next machine, and DVC cannot keep "
        "one that is written there.",
        "Put the file into the project, or make the folder above the project: `--output ..`.",
    ),
    "NB408": Rule(
        "a file is written under a condition only",
        "DVC stops where a stage has not made its outs, so a file that may not be written cannot be one.",
        "Write the file in any case; or, where the condition always holds, declare it: `#| outs: b.csv` as the first line "
        "of the cell.",
    ),
    "NB410": Rule(
        "two stages write one file",
        "DVC takes a file as the out of one stage only.",
        "Write to two files, or put the cells into one stage.",
    ),
    "NB411": Rule(
        "a file is read and then rewritten",
        "DVC cannot say which of the two contents a stage is to see.",
        "Write the result to a file of another name.",
    ),
    "NB412": Rule(
        "a file is appended to",
        "A second run would append a second time.",
        "Write the whole file in one stage.",
    ),
    "NB413": Rule(
        "a file that existed before is written by a stage",
        "DVC deletes the outs of a stage before it runs; a file of yours would be lost, so it is listed with `persist: true`.",
        "Nothing needs to be done; delete the file and `persist` once the stage alone makes it.",
    ),
    "NB414": Rule(
        "several stages write one file, and what lies between is kept in the cache",
        "DVC takes a file as the out of one stage only: the last stage that writes it has it, the others write to the cache "
        "folder, and a stage that goes on with the file begins with a copy.",
        "Nothing needs to be done; give the files names of their own if you want to keep each.",
    ),
    "NB415": Rule(
        "something is missing in the report",
        "DVC deletes the report before the stage runs that writes it, so a report/report.md of your own is left alone. "
        "A picture that lies inside the notebook has no address.",
        "Give your own file another name; save a pasted picture as a file and link it.",
    ),
    "NB416": Rule(
        "a call that is not known is given the path of a file",
        "A call that nb2stage does not know is given the path of a file. Whether it reads the file, a dependency then, or "
        "writes it, an out then, decides what DVC runs again.",
        "Say which it is in the first line of the cell: `#| deps: a.csv` or `#| outs: b.csv`.",
    ),
    "NB417": Rule(
        "a folder is listed before a later stage writes in it",
        "What a stage writes stays where it is until the stage runs again, so an earlier stage that lists the folder finds it "
        "there from the second run on.",
        "Write the file to a folder of its own, or list the folder in a stage behind the one that writes there.",
    ),
    "NB418": Rule(
        "a folder is listed in which files of the pipeline lie",
        "Scripts, the cache and dvc.yaml lie in the project too: a stage that lists their folder sees more than the notebook.",
        "Keep data in folders of their own, and list those.",
    ),
    # -- NB5
    "NB501": Rule(
        "a parameter is bound twice",
        "There is one value for each name in params.yaml.",
        "Bind each parameter once, in cells tagged `parameters`.",
    ),
    "NB551": Rule(
        "params.yaml cannot be read, or a group in it is no group",
        "DVC reads params.yaml for each stage, and stops where it cannot.",
        "Correct the line that is named.",
    ),
    "NB552": Rule(
        "a parameter cannot be added to params.yaml in place",
        "What you wrote is kept to the byte, and some forms of YAML leave no place for a new line.",
        "Write the file without anchors and aliases, or add the parameter by hand.",
    ),
    "NB553": Rule(
        "a date in params.yaml stops DVC",
        "DVC has no type for dates and stops, even when no stage reads the value.",
        'Quote it: `"2024-01-31"`.',
    ),
    "NB554": Rule(
        "DVC and the scripts read a value of params.yaml differently",
        "DVC reads YAML 1.2 and many programs 1.1, in which `yes`, `010` or `1e-3` are something else.",
        "Write `true`, `8`, `0.001`, or quote the text.",
    ),
    "NB555": Rule(
        "two parameters want the same place in params.yaml",
        "One key cannot be a value and a group, or have two values.",
        "Rename one of the two parameters.",
    ),
    "NB556": Rule(
        "a parameter that is NaN is never unchanged",
        "NaN differs from itself, so DVC would run the stage each time.",
        "Use `null`, or a number that stands for it.",
    ),
    "NB557": Rule(
        "a tuned parameter has another value in the notebook now",
        "What you have tuned in params.yaml is never overwritten by a conversion.",
        "Nothing, or write the notebook's new value into params.yaml.",
    ),
    # -- NB6
    "NB601": Rule(
        "dvc.yaml cannot be read",
        "Neither DVC nor nb2stage can go on with a dvc.yaml that is not what DVC expects.",
        "Correct the line that is named.",
    ),
    "NB602": Rule(
        "dvc.yaml cannot be edited in place",
        "What you wrote is kept to the byte, and some forms of YAML leave no place for a change.",
        "Write our stages in block style, without anchors and aliases.",
    ),
    "NB603": Rule(
        "a stage of that name exists in dvc.yaml in another form",
        "A `foreach`, `matrix` or `wdir` stage runs in another way than the stage of a notebook.",
        "Rename one of the two stages.",
    ),
    "NB604": Rule(
        "two notebooks have a stage of the same name",
        "Stages of one dvc.yaml need different names, and so do their scripts: those of the later notebook get its name too, "
        "`forecast_train`, and keep it.",
        "Nothing needs to be done; for other names tag the cells `stage:NAME`.",
    ),
    "NB605": Rule(
        "a stage of that name stands in dvc.yaml, written by somebody else",
        "A stage that somebody wrote is not overwritten.",
        "Give the cells another stage name, or overwrite the stage with `--force`.",
    ),
    "NB606": Rule(
        "the notebook lies outside the project folder",
        "All paths of a pipeline are relative to the project folder.",
        "Move the notebook into the project, or say with `--output` which folder the project is.",
    ),
    "NB607": Rule(
        "there is no project here",
        "A command that looked at nothing would say that all is well.",
        "Change to the project's folder, or to one in it; `nb2stage convert NOTEBOOK` makes a project.",
    ),
    "NB612": Rule(
        "a file of the user's own stands where a file is to be generated",
        "A file that nb2stage did not write, or does not know any more, is not overwritten.",
        "Rename the file or the stage, or overwrite the file with `--force`; commit it before, and git gives hand edits back.",
    ),
    "NB613": Rule(
        "a file or stage that is not in the notebook any more was edited by hand and is kept",
        "The stage is gone from the notebook, and what you edited of it is kept: from now on it is yours.",
        "Delete the script and the stage in dvc.yaml if you do not need them.",
    ),
    "NB614": Rule(
        "a path cannot be written: it leaves the project, or something else stands there",
        "Nothing is written outside the project, nor in place of a folder.",
        "Replace the link by a file of the project, or rename what stands there.",
    ),
    "NB615": Rule(
        "a file could not be written",
        "All files are written or none; one of them could not be.",
        "Make room or give the permission, and run the command again.",
    ),
    "NB616": Rule(
        "the state file of nb2stage cannot be read",
        "The state file tells generated scripts from edited ones.",
        "Restore `.nb2stage/` from git. If it is of an older version: commit everything, convert with `--force`.",
    ),
    "NB617": Rule(
        "a notebook is gone, and another one takes over its stages",
        "The notebook was renamed, as far as can be told.",
        "Nothing needs to be done.",
    ),
    "NB620": Rule(
        "the configuration cannot be used",
        "A setting that is not understood would be ignored.",
        "Correct the setting in nb2stage.toml or below `[tool.nb2stage]` in pyproject.toml.",
    ),
    "NB621": Rule(
        "git or DVC could not be set up or run",
        "DVC needs git, and the pipeline needs DVC.",
        "Install what is missing and run the command by hand to see why it fails.",
    ),
    "NB618": Rule(
        "a hand edit and the notebook contradict each other: the conflict is marked in the file",
        "Your edit and the notebook's new text change the same lines; which is right only you can tell.",
        "Look for `<<<<<<<` in the file, keep what is right, delete the markers, and convert again.",
    ),
    "NB619": Rule(
        "a stage has another name now",
        "The cells of a stage carry another tag now; its script and your edits move along.",
        "Nothing, if that is what you meant; commit the script under its new name.",
    ),
    "NB622": Rule(
        "a stage that is gone has left a cache",
        "The cached results of a stage that is gone are not deleted: they may be all that is left of a long run.",
        "Delete the folder when you do not need it, and run `dvc gc` for what DVC keeps of it.",
    ),
    "NB623": Rule(
        "a stage was taken out of dvc.yaml by hand",
        "You took the stage out of dvc.yaml, while the notebook still has its cells.",
        "Tag its cells `skip`, or convert with `--force` to have the stage again.",
    ),
    "NB624": Rule(
        "an edit of dvc.yaml needs or writes what the notebook has changed",
        "Your entry in dvc.yaml names a file that the notebook's new stages read or write in another way.",
        "Compare the stage with the notebook, and correct one of them.",
    ),
    "NB625": Rule(
        "a conflict is marked in a file and not resolved",
        "A script with conflict markers is not Python, and a second merge would bury the first.",
        "Look for `<<<<<<<` in the file, keep what is right, delete the markers, and convert again.",
    ),
    "NB626": Rule(
        "only comments or the layout of a script have changed",
        "Your comments belong to the script, and DVC runs a stage again when a byte of its script changes.",
        "Let `dvc repro` run it, or record the new script without a run: `dvc commit -f STAGE`.",
    ),
    "NB627": Rule(
        "a hand edit stays in the script: no cell is clearly its place",
        "Lines of nb2stage's own, and lines that several cells share, have no place in one cell.",
        "Make the edit in the notebook yourself, or leave it in the script: it stays there.",
    ),
    "NB628": Rule(
        "hand edits cannot be brought into the notebook now",
        "An edit is moved into the notebook as it is converted: from there it must give the very script that you have.",
        "Run the command that is named, then pull again.",
    ),
    "NB629": Rule(
        "a module that is gone was edited by hand, and its definitions are elsewhere now",
        "Functions that other stages use now have moved to another file, and your edits of them would stay behind.",
        "Make the edits in the notebook, and convert with `--force`.",
    ),
    "NB630": Rule(
        "DVC's own .gitignore beside outs is gone: the project's names them",
        "DVC writes a .gitignore beside an out that git does not ignore, and a stage that lists the folder sees one file more "
        "than the notebook. The outs stand in the .gitignore of the project now.",
        "Nothing needs to be done; where a stage lists the folder, run it again once: `dvc repro -f -s STAGE`.",
    ),
    "NB640": Rule(
        "there is no pipeline, or no history of one, to show",
        "A picture or a table of the pipeline needs a dvc.yaml, a notebook with tags, or commits to look back on.",
        "Convert a notebook first, or name the notebook; for a history, commit the project.",
    ),
    "NB641": Rule(
        "a program or package that the command needs is missing or failed",
        "Some commands hand work to git, DVC or a plotting package.",
        "Install what the message names.",
    ),
    # -- NB7
    "NB701": Rule(
        "a generated file is not in step with its notebook",
        "`dvc repro` runs the scripts: as long as they are older than the notebook, its results are not the notebook's.",
        "Run `nb2stage convert` on the notebooks and commit what it writes; `--fix` does the first. Another version of "
        "nb2stage may write other lines: use one in the whole project.",
    ),
    "NB702": Rule(
        "a notebook that was converted is gone",
        "The stages of a notebook that is gone can be neither converted again nor checked.",
        "Restore the notebook; or convert it under its new name, which takes the stages over.",
    ),
    "NB710": Rule(
        "a stage runs a notebook",
        "DVC runs a notebook only as a whole: each save of it counts as a change, and a changed plot trains the model again.",
        "Make scripts of the notebook with `nb2stage convert`. Notebooks for exploration and for a search of parameters may "
        "run as they are: they belong in `data_exploration/` or `hpo/`.",
    ),
    "NB711": Rule(
        "the script of a stage is not among its deps",
        "DVC does not look into commands: after an edit of the script it would say that nothing has changed.",
        "Add the script to the deps of the stage; `--fix` does so.",
    ),
    "NB720": Rule(
        "cached files, data or models are committed to git",
        "Git keeps every version of a large file for good and hands it to every clone; DVC refuses outs that git tracks.",
        "`git rm --cached FILE`, then `dvc add FILE` where no stage makes it.",
    ),
    "NB721": Rule(
        "cached files, data or models are not ignored by git",
        "The next `git add .` would put the files into git, from where they never go away.",
        "Add them to .gitignore, which `--fix` does; `dvc add FILE` does so too, and keeps the data.",
    ),
    "NB722": Rule(
        "git ignores a file that has to be committed",
        "DVC says nothing about it, and shows nothing for any commit: metrics, parameters and code of old runs are lost.",
        "Remove the line from .gitignore or add a line with `!` below it, which `--fix` does where it has an effect; let "
        "metrics have `cache: false`.",
    ),
    "NB730": Rule(
        "a notebook stands where no notebook belongs",
        "Notebooks that nothing runs and nobody marks as exploration are where code goes to rot, and to be copied from.",
        "Convert it; move it to `data_exploration/` or `hpo/`; or name other folders in the configuration: "
        "`notebook-folders`.",
    ),
    "NB731": Rule(
        "a committed notebook has large outputs",
        "Outputs are stored anew with each save, make differences unreadable, and may hold data that is not for git.",
        "Clear them before the commit, as `nbstripout` does; or allow more in the configuration: `max-output-kb`.",
    ),
    # -- NB8
    "NB801": Rule(
        "a package that runs notebooks is missing",
        "To execute notebooks, `run` and `verify` use papermill and nbclient. They come with `nb2stage`, and not with "
        "`nb2stage-check`, which hooks install.",
        "Install nb2stage itself, or what the message names: `pip install papermill nbclient ipykernel`.",
    ),
    "NB802": Rule(
        "the kernel of a notebook is missing or does not start",
        "A notebook names the kernel that it was written with, and this environment may have another one.",
        "Choose one of the kernels that the message lists with `--kernel`, or install ipykernel.",
    ),
    "NB803": Rule(
        "the kernel died",
        "The process of the notebook ended in the middle of a cell: out of memory, mostly, or a library that crashed.",
        "Run the cell in Jupyter and watch its memory.",
    ),
    "NB804": Rule(
        "a cell fails",
        "A notebook that does not run through has no results that anything could be compared with.",
        "Mend the cell. What `verify` runs are the tagged cells, and the imports and definitions of the others.",
    ),
    "NB805": Rule(
        "the script of a stage fails",
        "A script that fails gives no results to compare.",
        "Look at the cell and line that are named; where the script was edited by hand, convert again.",
    ),
    "NB806": Rule(
        "a copy of the project cannot be made",
        "As nothing of the project may be touched, `verify` works on copies of it.",
        "Point the variable TMPDIR to a folder with more room; put into the project what lies outside it.",
    ),
    "NB807": Rule(
        "the project's pipeline is not that of the notebook",
        "With a dvc.yaml or scripts of another state of the notebook there is no pipeline to compare.",
        "Run `nb2stage convert`.",
    ),
    "NB808": Rule(
        "a parameter is not known, or not where it could be taken from",
        "A value for a name that the notebook does not have would change nothing, and nobody would notice.",
        "Write the key as it stands in params.yaml, or the name as it stands in the cell tagged `parameters`.",
    ),
    "NB809": Rule(
        "a parameter gets a value of another kind",
        "A text where a number was is most often a slip: `0,1` for `0.1`.",
        "Give a value of the same kind, if it was one.",
    ),
    "NB810": Rule(
        "a run that is asked for cannot be made",
        "A run must not stop at a stage that is not there, nor write over an earlier run unasked.",
        "Do what the hint says.",
    ),
    "NB811": Rule(
        "a line of a script that leads nowhere",
        "The state file knows the lines of the scripts as they were generated.",
        "Give script and line as the traceback has them; convert again where notebook or scripts have changed since.",
    ),
}
