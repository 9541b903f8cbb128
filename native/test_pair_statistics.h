// The training step's statistics and gradients against plain loops: how many do not agree.
#pragma once

int failures_of_pair_statistics();
