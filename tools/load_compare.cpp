#include "load_compare.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

namespace rondo::tools {
namespace {

constexpr double sigmas = 1.96;  // 95 % of a normal distribution

struct bounds {
  double least;
  double value;
  double most;
};

// Of one run: what its histogram says.
class distribution {
 public:
  void add(double value, std::uint64_t count) {
    slots_.emplace_back(value, count);
    const auto n = static_cast<double>(count);
    total_ += n;
    sum_ += value * n;
    squares_ += value * value * n;
  }
  bool empty() const noexcept { return total_ == 0; }

  bounds mean() const {
    const double m = sum_ / total_;
    const double variance = std::max(0.0, squares_ / total_ - m * m);
    const double margin = sigmas * std::sqrt(variance / total_);
    return {std::max(0.0, m - margin), m, m + margin};
  }
  bounds percentile(double percent) const {
    const double p = percent / 100;
    const double margin = sigmas * std::sqrt(total_ * p * (1 - p));
    return {at_rank(total_ * p - margin), at_rank(total_ * p), at_rank(total_ * p + margin)};
  }

 private:
  double at_rank(double rank) const {
    const double wanted = std::min(std::ceil(std::max(rank, 1.0)), total_);
    double seen = 0;
    for (const auto& [value, count] : slots_) {
      seen += static_cast<double>(count);
      if (seen >= wanted) return value;
    }
    return slots_.back().first;
  }

  std::vector<std::pair<double, std::uint64_t>> slots_;
  double total_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

bounds ratio(const bounds& now, const bounds& before) {
  const auto over = [](double a, double b) { return b > 0 ? a / b : 0; };
  const double value = over(now.value, before.value);
  // The two deviate on their own: their relative errors add up as squares.
  const auto side = [&](double n, double b) {
    return std::hypot(over(n - now.value, now.value), over(b - before.value, before.value));
  };
  return {value * std::max(0.0, 1 - side(now.least, before.most)), value,
          value * (1 + side(now.most, before.least))};
}

std::string row(const char* what, const char* unit, double scale, const bounds& now,
                const bounds& before) {
  const bounds r = ratio(now, before);
  char line[160];
  std::snprintf(line, sizeof line, "%-8s %12.3f %12.3f %s  %.3f (%.3f to %.3f)\n", what,
                now.value * scale, before.value * scale, unit, r.value, r.least, r.most);
  return line;
}

// What a run that asks again when it is answered gets done is 1 / mean, as exact as that is.
bounds rate_of(double rate, const bounds& mean) {
  return {rate * mean.value / mean.most, rate, rate * mean.value / std::max(mean.least, 1e-9)};
}

}  // namespace

std::string compare(const load_report& now, const std::string& before) {
  distribution ours;
  now.latency_ns.for_each(
      [&](std::uint64_t last, std::uint64_t count) { ours.add(static_cast<double>(last), count); });
  distribution theirs;
  double rate_before = 0;
  try {
    const auto other = nlohmann::json::parse(before);
    rate_before = other.at("rate").get<double>();
    for (const auto& slot : other.at("histogram_ns"))
      theirs.add(slot.at(0).get<double>(), slot.at(1).get<std::uint64_t>());
  } catch (const nlohmann::json::exception& e) {
    throw std::invalid_argument(std::string("load: --compare wants what --json has printed: ") +
                                e.what());
  }
  if (ours.empty() || theirs.empty()) return "nothing to compare: one of the runs has no answers\n";
  std::string out =
      "                  now       before     ratio (95 % within)\n" +
      row("rate", "/s", 1, rate_of(now.rate(), ours.mean()), rate_of(rate_before, theirs.mean()));
  out += row("mean", "ms", 1e-6, ours.mean(), theirs.mean());
  for (const auto& [name, percent] : {std::pair("p50", 50.0), {"p90", 90.0}, {"p99", 99.0}})
    out += row(name, "ms", 1e-6, ours.percentile(percent), theirs.percentile(percent));
  return out;
}

}  // namespace rondo::tools
