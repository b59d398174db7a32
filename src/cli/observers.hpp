// Observers: tells each of several observers what the engine tells one. Lives as long as the engine; so do they.
#pragma once

#include <utility>
#include <vector>

#include "engine/engine.hpp"

namespace syncline::cli {

class Observers final : public EngineObserver {
  public:
    explicit Observers(std::vector<EngineObserver*> all) : all_(std::move(all)) {}

    void run_started(const Job& job, const Progress& progress) override {
        for (auto* each : all_) each->run_started(job, progress);
    }
    void run_finished(const RunReport& report) override {
        for (auto* each : all_) each->run_finished(report);
    }
    void run_locked(const Job& job, const std::string& why) override {
        for (auto* each : all_) each->run_locked(job, why);
    }
    void reloaded(const JobChanges& changes, const JobFile& file) override {
        for (auto* each : all_) each->reloaded(changes, file);
    }
    void reload_failed(const std::vector<Diagnostic>& errors) override {
        for (auto* each : all_) each->reload_failed(errors);
    }
    void warning(const std::string& message) override {
        for (auto* each : all_) each->warning(message);
    }
    void watch_changed(const std::string& job, const WatchState& state) override {
        for (auto* each : all_) each->watch_changed(job, state);
    }
    void scheduled(const Schedule& schedule, Moment now) override {
        for (auto* each : all_) each->scheduled(schedule, now);
    }
    void waiting(std::optional<TimeNs> next_start) override {
        for (auto* each : all_) each->waiting(next_start);
    }

  private:
    std::vector<EngineObserver*> all_;
};

}  // namespace syncline::cli
