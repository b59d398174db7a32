// The commands. Each does its work with what the session holds and gives the exit status; it throws Error, Reported or
// Cancelled for what ends it early (program.cpp tells them).
#pragma once

#include "cli/session.hpp"

namespace syncline::cli {

int apply_command(Session& session);
int plan_command(Session& session);
int check_command(Session& session);
int direct_command(Session& session);  ///< push, pull and sync
int run_command(Session& session);
int status_command(Session& session);
int control_command(Session& session);  ///< trigger, pause and resume
int wait_command(Session& session);
int stop_command(Session& session);
int schedule_command(Session& session);  ///< watch and auto
int explain_command(Session& session);
int init_command(Session& session);
int trust_command(Session& session);
int clean_command(Session& session);
int doctor_command(Session& session);
int completion_command(Session& session);
int buckets_command(Session& session);

}  // namespace syncline::cli
