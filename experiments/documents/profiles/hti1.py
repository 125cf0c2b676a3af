"""HTI-1, 45 CFR §170.315(b)(11)(iv)(B): the 31 source attributes of a predictive decision support intervention."""

from __future__ import annotations

from typing import Final

from experiments.documents.profiles.answers import Row

HTI_1: Final[tuple[Row, ...]] = (
    Row("1", "details", "Developer and contact", "person", ("owner", "contact")),
    Row("2", "details", "Funding source", "person", ("funding",)),
    Row("3", "details", "Value produced as output", "both", ("output",)),
    Row("4", "details", "Type of output: prediction, classification, recommendation …", "run", ("output",)),
    Row("5", "purpose", "Intended use", "person", ("intended_use",)),
    Row("6", "purpose", "Intended patient population", "person", ("intended_use", "not_for")),
    Row("7", "purpose", "Intended users", "person", ("users",)),
    Row("8", "purpose", "Role in the decision", "person", ("decision_role",)),
    Row("9", "cautions", "Tasks, situations, populations cautioned against", "person", ("not_for",)),
    Row("10", "cautions", "Known risks, inappropriate uses, limitations", "both", ("limits_found", "limitations")),
    Row("11", "development", "Inclusion and exclusion of the training data", "run", ("eligibility",)),
    Row("12", "development", "Demographic and social variables as inputs", "run", ("demographic_inputs",)),
    Row("13", "development", "Demographic representativeness", "run", ("representativeness",)),
    Row(
        "14",
        "development",
        "Relevance of the training data to the deployed setting",
        "person",
        ("data_source", "setting"),
    ),
    Row("15", "fairness", "Approach to fair output", "person", ("fairness",)),
    Row("16", "fairness", "Management of bias", "person", ("bias_management", "known_biases")),
    Row("17", "external validation", "Data source and setting", "person", ("external_validation",)),
    Row("18", "external validation", "Party that did it", "person", ("external_validation",)),
    Row("19", "external validation", "Demographic representativeness", "run", ("external_groups",)),
    Row("20", "external validation", "Process", "person", ("external_validation",)),
    Row("21", "performance", "Validity, data of the same source", "run", ("performance",)),
    Row("22", "performance", "Fairness, data of the same source", "run", ("groups",)),
    Row("23", "performance", "Validity, external data", "run", ("external",)),
    Row("24", "performance", "Fairness, external data", "run", ("external_groups",)),
    Row("25", "performance", "References on outcomes of use", "person", ("outcome_references",)),
    Row("26", "maintenance", "Process and frequency of watching validity", "person", ("monitoring",)),
    Row("27", "maintenance", "Validity in local data over time", "run", ("no_local_data",)),
    Row("28", "maintenance", "Process of watching fairness", "person", ("fairness_monitoring",)),
    Row("29", "maintenance", "Fairness in local data over time", "run", ("no_local_data",)),
    Row("30", "updates", "Process and frequency of updating", "person", ("updating",)),
    Row("31", "updates", "How often corrected when risks are found", "person", ("correction",)),
)
"""The 31 attributes, labels shortened."""
