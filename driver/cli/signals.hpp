// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tern::cli {

/// To be called once, first. Descriptors 0 to 2 that are closed become useless ones, so that no
/// file that is opened later takes what is written to stdout. A file that grows over the limit of
/// the process is an error of writing. SIGINT, SIGTERM and SIGHUP end the program at once and
/// leave no temporary file behind; where something is recorded, it ends in order first.
void prepare_process();

/// Ends the program by the signal that asked for an orderly end, if there was one.
void end_if_interrupted();

}  // namespace tern::cli
