#include "core/name_folding.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// Where the lower-case letters of a block of upper-case ones are: `step` 1, all by the same distance; 2, each behind
/// its upper-case one.
struct CaseBlock {
    char32_t first, last;
    int step, distance;
};
constexpr CaseBlock case_blocks[] = {
    {'A', 'Z', 1, 32},       {0xc0, 0xd6, 1, 32},   {0xd8, 0xde, 1, 32},    {0x100, 0x12f, 2, 1},
    {0x132, 0x137, 2, 1},    {0x139, 0x148, 2, 1},  {0x14a, 0x177, 2, 1},   {0x178, 0x178, 1, -121},
    {0x179, 0x17e, 2, 1},    {0x386, 0x386, 1, 38}, {0x388, 0x38a, 1, 37},  {0x38c, 0x38c, 1, 64},
    {0x38e, 0x38f, 1, 63},   {0x391, 0x3a1, 1, 32}, {0x3a3, 0x3ab, 1, 32},  {0x400, 0x40f, 1, 80},
    {0x410, 0x42f, 1, 32},   {0x460, 0x481, 2, 1},  {0x48a, 0x4bf, 2, 1},   {0x4c1, 0x4ce, 2, 1},
    {0x4d0, 0x52f, 2, 1},    {0x531, 0x556, 1, 48}, {0x1e00, 0x1e95, 2, 1}, {0x1ea0, 0x1eff, 2, 1},
    {0xff21, 0xff3a, 1, 32},
};

char32_t lower(char32_t letter) {
    for (const CaseBlock& block : case_blocks) {
        if (letter < block.first || letter > block.last) continue;
        bool is_upper = block.step == 1 || (letter - block.first) % 2 == 0;
        return is_upper ? letter + static_cast<char32_t>(block.distance) : letter;
    }
    return letter;
}

/// All letters with case are of two or three bytes.
void append_letter(std::string& text, char32_t letter) {
    if (letter < 0x80) {
        text += static_cast<char>(letter);
    } else if (letter < 0x800) {
        text += static_cast<char>(0xc0 | letter >> 6);
        text += static_cast<char>(0x80 | (letter & 0x3f));
    } else {
        text += static_cast<char>(0xe0 | letter >> 12);
        text += static_cast<char>(0x80 | (letter >> 6 & 0x3f));
        text += static_cast<char>(0x80 | (letter & 0x3f));
    }
}

using Paths = std::set<std::string, PathLess>;

bool is_below_one(const Paths& tops, std::string_view path) {
    for (; !path.empty(); path = parent_path(path)) {
        if (tops.contains(path)) return true;
    }
    return false;
}

/// The entries of the source that have their names on the target, by folded path.
class Spelling {
  public:
    Spelling(const Tree& source, const Tree& target) : source_(source), target_(target) {
        for (uint32_t i = 0; i < source.size(); ++i) {
            if (!is_below_one(hidden_, source.path(i))) add(i);
        }
    }

    /// The last name of `path` as the source spells it; as it is where the source has no such thing.
    std::string_view name_of(std::string_view path) const {
        auto found = by_folded_.find(fold_name(path));
        return last_name(found == by_folded_.end() ? path : source_.path(found->second));
    }

    std::vector<uint32_t> colliding() const {
        std::vector<uint32_t> indices;
        for (const std::string& path : hidden_) indices.push_back(source_.find(path));
        return indices;
    }

  private:
    void add(uint32_t index) {
        auto [place, is_first] = by_folded_.try_emplace(fold_name(source_.path(index)), index);
        if (is_first) return;
        std::string_view held = source_.path(place->second), other = source_.path(index);
        bool is_held_hidden = is_below_one(hidden_, held);
        bool is_other_there = target_.find(held) == Tree::none && target_.find(other) != Tree::none;
        if (!is_held_hidden) hidden_.emplace(is_other_there ? held : other);
        if (is_held_hidden || is_other_there) place->second = index;
    }

    const Tree& source_;
    const Tree& target_;
    std::unordered_map<std::string, uint32_t> by_folded_;
    Paths hidden_;
};

/// The target's paths as they are to be.
class Respeller {
  public:
    Respeller(const Spelling& spelling, const Tree& target) : target_(target), new_paths_(target.size()) {
        for (uint32_t i = 0; i < target.size(); ++i) {
            std::string_view path = target.path(i);
            uint32_t parent = parent_path(path).empty() ? Tree::none : target.find(parent_path(path));
            std::string new_parent = parent == Tree::none ? std::string(parent_path(path)) : new_paths_[parent];
            std::string_view name = target[i].has(unselected) ? last_name(path) : spelling.name_of(path);
            // In what is mounted below, names may differ by case after all.
            bool is_other = name != last_name(path);
            bool is_taken = is_other && (target.find(join_path(parent_path(path), name)) != Tree::none ||
                                         !given_.insert(join_path(new_parent, name)).second);
            if (is_taken) name = last_name(path);
            new_paths_[i] = join_path(new_parent, name);
            if (name != last_name(path)) moves_.push_back({join_path(new_parent, last_name(path)), new_paths_[i]});
        }
    }

    const std::vector<CaseMove>& moves() const { return moves_; }

    /// nullopt where the target has no such path.
    std::optional<std::string> new_path(std::string_view path) const {
        uint32_t index = target_.find(path);
        if (index == Tree::none) return std::nullopt;
        return new_paths_[index];
    }

    Tree tree() const {
        TreeBuilder builder;
        for (uint32_t i = 0; i < target_.size(); ++i) builder.add(new_paths_[i], target_[i], target_.link(target_[i]));
        Tree respelled = builder.finish();
        for (uint32_t i = 0; i < target_.size(); ++i) {
            if (target_[i].has(has_digest)) respelled.set_digest(respelled.find(new_paths_[i]), target_[i].digest);
        }
        return respelled;
    }

  private:
    const Tree& target_;
    std::vector<std::string> new_paths_;
    std::set<std::string> given_;  ///< names that something was renamed to
    std::vector<CaseMove> moves_;
};

void respell_baseline(const Baseline& baseline, const Respeller& respeller, FoldedSides& folded) {
    struct Row {
        std::string path;
        const BaselineEntry* entry;
    };
    std::vector<Row> rows;
    std::vector<std::pair<std::string, std::string>> changed;
    for (const BaselineEntry& entry : baseline.entries()) {
        std::string_view path = baseline.path(entry);
        std::string now = respeller.new_path(path).value_or(std::string(path));
        bool is_taken = now != path && baseline.find(now) != Tree::none;
        if (is_taken) continue;
        if (now != path) changed.emplace_back(path, now);
        rows.push_back({std::move(now), &entry});
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return compare_paths(a.path, b.path) < 0; });
    for (const Row& row : rows) folded.baseline.add(row.path, *row.entry, baseline.link(*row.entry));
    for (auto& [from, to] : changed) folded.rows.push_back({from, folded.baseline.find(to)});
}

}  // namespace

std::string fold_name(std::string_view name) {
    std::string folded;
    for (size_t at = 0; at < name.size();) {
        Utf8Character letter = utf8_at(name, at);
        constexpr char32_t end_of_three_bytes = 0x10000;
        if (letter.code < end_of_three_bytes) {
            append_letter(folded, lower(letter.code));
        } else {
            folded += name.substr(at, letter.size);
        }
        at += letter.size;
    }
    return folded;
}

FoldedSides fold_sides(const Tree& source, const Tree& target, const Baseline& baseline) {
    FoldedSides folded;
    Spelling spelling(source, target);
    folded.colliding = spelling.colliding();
    Respeller respeller(spelling, target);
    folded.moves = respeller.moves();
    if (folded.moves.empty()) return folded;
    folded.target = respeller.tree();
    respell_baseline(baseline, respeller, folded);
    return folded;
}

void add_to_plan(const FoldedSides& folded, const std::vector<std::string>& limits, const Tree& target, Plan& plan) {
    auto is_within = [&](std::string_view path) {
        return limits.empty() || std::any_of(limits.begin(), limits.end(), [&](const std::string& limit) {
                   return is_at_or_below(path, limit) || is_at_or_below(limit, path);
               });
    };
    std::vector<Action> first;
    for (const CaseMove& move : folded.moves) {
        if (!is_within(move.to) && !is_within(move.from)) continue;
        plan.moves.push_back(move);
        first.push_back({Op::move, Reason::case_differs, Phase::open, 0, Tree::none, target.find(move.to)});
    }
    plan.actions.insert(plan.actions.begin(), first.begin(), first.end());
    std::vector<Action> conflicts;
    for (uint32_t index : folded.colliding)
        conflicts.push_back({Op::conflict, Reason::names_collide, Phase::build, 0, index, Tree::none});
    auto build = std::find_if(plan.actions.begin(), plan.actions.end(),
                              [](const Action& action) { return action.phase != Phase::open; });
    plan.actions.insert(build, conflicts.begin(), conflicts.end());
}

}  // namespace syncline
