"""TRIPOD+AI (Collins et al., BMJ 2024;385:e078378): 52 rows; TRIPOD-Cluster (Debray et al., BMJ 2023;380:e071018): what
it adds for many sites. Paraphrased; a reporting guideline is no measure of a model's quality.
"""

from __future__ import annotations

from typing import Final

from experiments.documents.profiles.answers import Row

TRIPOD_AI: Final[tuple[Row, ...]] = (
    Row("1", "title", "Development or evaluation, of what, for whom, which outcome?", "both", ("purpose",)),
    Row("2", "abstract", "The study in short.", "both", ("purpose", "flow", "performance", "interpretation")),
    Row("3a", "background", "Clinical context; why a model; which exist?", "person", ("background",)),
    Row(
        "3b",
        "background",
        "Target population, place in care, users?",
        "person",
        ("intended_use", "care_pathway", "users"),
    ),
    Row("3c", "background", "Known inequalities between groups?", "person", ("inequalities",)),
    Row("4", "objectives", "Development, evaluation or both?", "both", ("objectives",)),
    Row("5a", "data", "Source of each data set; why it; how representative?", "both", ("source", "data_source")),
    Row("5b", "data", "Enrolment from and to, end of follow-up?", "run", ("dates",)),
    Row("6a", "participants", "Care setting, number and place of centres?", "both", ("sites", "setting")),
    Row("6b", "participants", "Who was eligible?", "run", ("eligibility",)),
    Row("6c", "participants", "Treatments, and how they entered?", "both", ("treatments_read", "treatments")),
    Row("7", "preparation", "Cleaning and quality checks, alike in all groups?", "run", ("preparation",)),
    Row("8a", "outcome", "Definition, horizon, how and when assessed?", "both", ("outcome", "outcome_assessment")),
    Row("8b", "outcome", "Who assessed a subjective outcome?", "person", ("outcome_assessors",)),
    Row("8c", "outcome", "Was assessment blinded?", "person", ("outcome_blinding",)),
    Row("9a", "predictors", "How were candidates chosen?", "both", ("candidates", "predictor_choice")),
    Row("9b", "predictors", "Definition, time and way of measuring?", "both", ("definitions", "predictor_measurement")),
    Row("9c", "predictors", "Who assessed subjective predictors?", "person", ("predictor_assessors",)),
    Row("10", "sample size", "How did n come about; does it suffice?", "run", ("sample_size",)),
    Row("11", "missing data", "How was it handled; what was left out and why?", "run", ("missing_data",)),
    Row("12a", "analysis", "How were data partitioned?", "run", ("partition",)),
    Row("12b", "analysis", "Form and scaling of predictors?", "run", ("form",)),
    Row("12c", "analysis", "Model, building steps, tuning, internal validation?", "run", ("building",)),
    Row("12d", "analysis", "Heterogeneity between clusters?", "run", ("site_parameters",)),
    Row("12e", "analysis", "Measures, plots, comparisons?", "run", ("measures",)),
    Row("12f", "analysis", "Updating that followed from evaluation?", "run", ("no_update",)),
    Row("12g", "analysis", "How were predictions computed?", "run", ("computed",)),
    Row("13", "imbalance", "Class imbalance methods, and recalibration?", "run", ("imbalance",)),
    Row("14", "fairness", "Approaches to fairness, and why?", "both", ("groups", "fairness")),
    Row("15", "output", "What comes out; which thresholds, from where?", "run", ("output",)),
    Row("16", "train vs. eval", "Differences between development and evaluation?", "both", ("setting_differs",)),
    Row("17", "ethics", "Approving body; consent or waiver?", "person", ("ethics", "consent")),
    Row("18a", "open science", "Funding?", "person", ("funding",)),
    Row("18b", "open science", "Conflicts of interest?", "person", ("conflicts",)),
    Row("18c", "open science", "Protocol?", "person", ("protocol",)),
    Row("18d", "open science", "Registration?", "person", ("registration",)),
    Row("18e", "open science", "Availability of data?", "person", ("data_availability",)),
    Row("18f", "open science", "Availability of code?", "both", ("code", "licence")),
    Row("19", "involvement", "Patients and the public?", "person", ("public_involvement",)),
    Row("20a", "results", "Flow, with and without outcome, follow-up?", "run", ("flow", "eligibility")),
    Row("20b", "results", "Characteristics, altogether and by source?", "run", ("characteristics",)),
    Row("20c", "results", "Development beside evaluation?", "run", ("shift",)),
    Row("21", "results", "n and events in each analysis?", "run", ("analysed",)),
    Row("22", "results", "The whole model, so that others can predict?", "run", ("whole_model",)),
    Row("23a", "results", "Performance with intervals, also in subgroups?", "run", ("performance", "groups")),
    Row("23b", "results", "Heterogeneity of performance?", "run", ("performance_by_site",)),
    Row("24", "results", "Results of updating?", "run", ("no_update",)),
    Row("25", "discussion", "Interpretation, fairness included?", "person", ("interpretation",)),
    Row("26", "discussion", "Limitations and their effect?", "both", ("limits_found", "limitations")),
    Row("27a", "usability", "Poor or absent input values in use?", "both", ("unknown_inputs",)),
    Row("27b", "usability", "What users must do and know?", "person", ("user_interaction",)),
    Row("27c", "usability", "Next steps?", "person", ("next_steps",)),
)
"""The 52 rows; `filled` as counted in the domain notes: 22 by the run, 14 partly, 16 by people."""

TRIPOD_CLUSTER: Final[tuple[Row, ...]] = (
    Row("4a", "sites", "Eligibility of data sets and sites?", "person", ("site_selection",)),
    Row("4b", "sites", "How were they found and obtained?", "person", ("site_selection",)),
    Row("7a", "preparation", "Harmonisation and linkage?", "both", ("preparation", "harmonisation")),
    Row("7b", "risk of bias", "How was it judged at each site?", "person", ("site_bias",)),
    Row(
        "7c", "definitions", "Differences of definition between sites?", "both", ("characteristics", "site_differences")
    ),
    Row("8c", "analysis", "Heterogeneity of parameters between sites?", "run", ("site_parameters",)),
    Row("8f", "analysis", "How was heterogeneity of performance quantified?", "run", ("performance_by_site",)),
    Row("9", "analysis", "Planned subgroup and sensitivity analyses?", "run", ("groups",)),
    Row("10a", "results", "Sites from identified to analysed?", "run", ("sites",)),
    Row("10b", "results", "Characteristics of each site?", "run", ("characteristics",)),
    Row("10c", "results", "Distributions compared between sites?", "run", ("characteristics",)),
    Row("11", "results", "Risk of bias at each site?", "person", ("site_bias",)),
    Row("12a", "results", "What was done because of heterogeneity?", "both", ("site_parameters", "limitations")),
    Row("13a", "results", "Performance at each site?", "run", ("performance_by_site",)),
    Row("13b", "results", "Heterogeneity of performance?", "run", ("performance_by_site",)),
    Row("14", "results", "Updating at each site?", "run", ("no_update",)),
    Row("15", "results", "Results of subgroup and sensitivity analyses?", "run", ("groups",)),
    Row("C", "C-statistic", "Within sites or over all patients?", "run", ("c_statistic",)),
)
"""What TRIPOD-Cluster asks beyond it."""
