#include "endpoint/ssh_clean.hpp"

#include "base/text.hpp"
#include "core/project_name.hpp"
#include "endpoint/ssh_root.hpp"

namespace syncline {
namespace {

constexpr size_t clean_output_limit = size_t{64} << 20;

std::string why_of(const ssh::ScriptResult& result) {
    switch (result.exit.status.value_or(-1)) {
        case 41: return "remote_root cannot be entered: " + result.why();
        case 42: return "remote_root is another directory than a moment ago";
        case 45: return "nothing can be put aside in remote_root: " + result.why();
        default: return result.why();
    }
}

}  // namespace

Task<std::string> RemoteCleaner::run(std::string script, std::string input, std::string step) {
    if (!shell_) {
        ssh::SessionPool::Lease lease = co_await host_->acquire();
        shell_ = std::make_unique<RemoteShell>(std::move(lease));
        try {
            co_await shell_->start();
        } catch (const ssh::SshError& error) {
            if (error.failure() != ssh::Failure::no_shell) throw;
            throw Error(Errc::failed, escape(host_->name()) +
                                          ": cleaning needs a shell on the server, and this account has none; remove "
                                          "old directories there by SFTP or ask its administrator");
        }
    }
    ssh::StringInput source(std::move(input));
    ssh::StringSink sink(clean_output_limit);
    ssh::ScriptResult result = co_await shell_->run(std::move(script), &source, sink);
    if (!result.ok())
        throw Error(Errc::failed,
                    escape(host_->name() + ":" + host_->remote_root()) + ": " + step + ": " + why_of(result));
    co_return sink.take_bytes();
}

/// Where `df` says nothing of use, SFTP may.
Task<void> RemoteCleaner::ask_for_space(CleanSurvey& survey) {
    ssh::Sftp* channel = nullptr;
    try {
        channel = co_await shell_->lease().sftp();
    } catch (const ssh::SshError& error) {
        if (error.failure() == ssh::Failure::lost) throw;
    }
    if (channel == nullptr || !channel->has_statvfs()) co_return;
    auto asking = channel->statvfs(survey.root);
    ssh::SftpReply<ssh::SftpSpace> space = co_await std::move(asking);
    if (!space.ok() || space.value.total_bytes == 0 || space.value.available_bytes > space.value.total_bytes) co_return;
    survey.quota = QuotaReport();
    survey.quota.state = QuotaReport::State::known;
    survey.quota.use.used = space.value.total_bytes - space.value.available_bytes;
    survey.quota.use.limit = space.value.total_bytes;
}

Task<CleanSurvey> RemoteCleaner::survey() {
    std::string script = survey_script(shell_word_of_directory(host_->remote_root()), quota_);
    std::string text = co_await run(std::move(script), "", "looking at the directories");
    std::optional<CleanSurvey> survey = read_survey(text, quota_);
    if (!survey) throw Error(Errc::failed, escape(host_->name()) + ": looking at the directories broke off");
    bool asks_sftp = survey->has_root && quota_.type == QuotaSource::Type::file_system &&
                     survey->quota.state == QuotaReport::State::unknown;
    if (asks_sftp) co_await ask_for_space(*survey);
    survey_ = *survey;
    survey_.found.clear();
    co_return std::move(*survey);
}

Task<std::vector<CleanAnswer>> RemoteCleaner::look(std::vector<CleanItem> items) {
    if (items.empty()) co_return std::vector<CleanAnswer>();
    std::string script = look_script(survey_.where()), input = look_input(items);
    std::string text = co_await run(std::move(script), std::move(input), "looking through the directories");
    std::optional<std::vector<CleanAnswer>> answers = read_answers(text);
    if (!answers) throw Error(Errc::failed, escape(host_->name()) + ": looking through the directories broke off");
    co_return std::move(*answers);
}

Task<std::vector<CleanAnswer>> RemoteCleaner::take(std::vector<CleanItem> items) {
    std::vector<CleanAnswer> refused;
    std::erase_if(items, [&](const CleanItem& item) {
        std::string why = why_never_removed(survey_.root, survey_.home, item.name);
        if (!why.empty()) refused.push_back({item.name, "failed: " + why});
        return !why.empty();
    });
    if (items.empty()) co_return refused;
    std::string script = take_script(survey_.where(), removed_name(new_marker()), survey_.now);
    std::string input = look_input(items);
    std::string text = co_await run(std::move(script), std::move(input), "putting directories aside");
    std::optional<std::vector<CleanAnswer>> answers = read_answers(text);
    if (!answers) throw Error(Errc::failed, escape(host_->name()) + ": putting directories aside broke off");
    answers->insert(answers->end(), refused.begin(), refused.end());
    co_return std::move(*answers);
}

Task<RemovalOutcome> RemoteCleaner::remove() {
    std::string script = removal_script(survey_.where(), quota_);
    std::string text = co_await run(std::move(script), "", "removing directories");
    std::optional<RemovalOutcome> outcome = read_removal(text, quota_);
    if (!outcome) throw Error(Errc::failed, escape(host_->name()) + ": removing directories broke off");
    co_return std::move(*outcome);
}

}  // namespace syncline
