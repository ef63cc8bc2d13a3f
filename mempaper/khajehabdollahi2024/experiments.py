"""Experiments of this paper: validated configurations with cached results."""

from __future__ import annotations

from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024.curriculum_learning import CurriculumLearning, main_trainings
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity, Retraining
from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning

__all__ = ["EXPERIMENTS", "CurriculumLearning", "main_trainings"]

EXPERIMENTS: tuple[type[Experiment], ...] = (
    CurriculumLearning,
    NetworkActivity,
    Retraining,
    GatedLearning,
)
