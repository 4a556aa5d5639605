#include <rondo/runtime/metrics.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace rondo {
namespace detail {
namespace {

bool is_metric_name(std::string_view name) noexcept {
  const auto begins = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  };
  return !name.empty() && begins(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return begins(c) || (c >= '0' && c <= '9'); });
}

void append_metric_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    std::array<char, 32> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), end);
  }
}

void begin_sample(std::string& out, std::string_view name, std::string_view suffix,
                  std::string_view labels) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out += ' ';
}

template <class M>
class single_metric final : public metric_entry {
 public:
  single_metric(std::string_view name, std::string_view help, std::vector<double> bounds)
      : metric_entry(name, help, kind_of_metric<M>()),
        bounds_(std::move(bounds)),
        metric(make_metric<M>(bounds_)) {}

 private:
  void write_series(std::string& out) const override { write_metric(out, name(), "", metric); }
  std::vector<double> bounds_;

 public:
  M metric;
};

}  // namespace

metric_entry::metric_entry(std::string_view name, std::string_view help, metric_kind kind)
    : name_(name), help_(help), kind_(kind) {
  if (!is_metric_name(name))
    throw std::invalid_argument("no name of a metric: \"" + std::string(name) + '"');
}

// Help text knows no quotes.
void metric_entry::write(std::string& out) const {
  out.append("# HELP ").append(name_).append(" ");
  for (const char c : help_) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  static constexpr std::array<std::string_view, 3> types{"counter", "gauge", "histogram"};
  out.append("\n# TYPE ").append(name_).append(" ");
  out.append(types[static_cast<std::size_t>(kind_)]).append("\n");
  write_series(out);
}

void append_metric_label(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out += ',';
  out.append(name).append("=\"");
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  out += '"';
}

void write_metric(std::string& out, std::string_view name, std::string_view labels, double value) {
  begin_sample(out, name, "", labels);
  append_metric_number(out, value);
  out += '\n';
}

void write_metric(std::string& out, std::string_view name, std::string_view labels,
                  const metric_counter& c) {
  begin_sample(out, name, "", labels);
  out.append(std::to_string(c.value())).append("\n");
}

void write_metric(std::string& out, std::string_view name, std::string_view labels,
                  const metric_gauge& g) {
  write_metric(out, name, labels, g.value());
}

void write_metric(std::string& out, std::string_view name, std::string_view labels,
                  const metric_histogram& h) {
  std::uint64_t so_far = 0;
  const std::span<const double> bounds = h.bounds();
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    so_far += h.in_bucket(i);
    std::string with_bound(labels);
    std::string bound;
    if (i < bounds.size())
      append_metric_number(bound, bounds[i]);
    else
      bound = "+Inf";
    append_metric_label(with_bound, "le", bound);
    begin_sample(out, name, "_bucket", with_bound);
    out.append(std::to_string(so_far)).append("\n");
  }
  begin_sample(out, name, "_sum", labels);
  append_metric_number(out, h.sum());
  out += '\n';
  begin_sample(out, name, "_count", labels);
  out.append(std::to_string(so_far)).append("\n");
}

// --- the table of a family -----------------------------------------------------------------------

metric_series::metric_series(std::size_t most)
    : most_(most),
      mask_(std::bit_ceil(2 * most + 2) - 1),
      slots_(std::make_unique<std::atomic<series*>[]>(mask_ + 1)) {}

metric_series::~metric_series() {
  for (std::size_t i = 0; i <= mask_; ++i) delete slots_[i].load(std::memory_order_relaxed);
  delete rest_.load(std::memory_order_relaxed);
}

// A slot is filled once and never changes again, so the search of a key ends at its series or at
// the first empty slot. Threads that fill the last free places at the same time may make a few
// series more than `most`; there is room for twice as many.
metric_series::series& metric_series::get(std::uint64_t key, maker& m) {
  const auto place_for = [](std::atomic<series*>& slot, std::uint64_t k, maker& by) -> series& {
    std::unique_ptr<series> fresh = by.make(k);
    series* there = nullptr;
    if (slot.compare_exchange_strong(there, fresh.get(), std::memory_order_acq_rel))
      there = fresh.release();
    return *there;
  };
  // Fibonacci hashing: neighbouring keys are spread over the table.
  for (std::size_t i = (key * 0x9e3779b97f4a7c15U) >> 32 & mask_;; i = (i + 1) & mask_) {
    series* s = slots_[i].load(std::memory_order_acquire);
    if (!s) {
      if (count_.load(std::memory_order_relaxed) >= most_) break;
      s = &place_for(slots_[i], key, m);
      if (s->key == key) count_.fetch_add(1, std::memory_order_relaxed);
    }
    if (s->key == key) return *s;
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
  if (series* rest = rest_.load(std::memory_order_acquire)) return *rest;
  return place_for(rest_, others, m);
}

std::vector<const metric_series::series*> metric_series::all() const {
  std::vector<const series*> found;
  for (std::size_t i = 0; i <= mask_; ++i)
    if (const series* s = slots_[i].load(std::memory_order_acquire)) found.push_back(s);
  if (const series* s = rest_.load(std::memory_order_acquire)) found.push_back(s);
  std::ranges::sort(found, {}, [](const series* s) -> std::string_view { return s->labels; });
  return found;
}

}  // namespace detail

metric_histogram::metric_histogram(std::span<const double> bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

void metric_histogram::observe(double value) noexcept {
  if (std::isnan(value)) return;
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t metric_histogram::count() const noexcept {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) n += in_bucket(i);
  return n;
}

metric_counter& metrics::counter(std::string_view name, std::string_view help) {
  return get<detail::single_metric<metric_counter>>(name, help, {}).metric;
}

metric_gauge& metrics::gauge(std::string_view name, std::string_view help) {
  return get<detail::single_metric<metric_gauge>>(name, help, {}).metric;
}

metric_histogram& metrics::histogram(std::string_view name, std::string_view help,
                                     std::vector<double> bounds) {
  return get<detail::single_metric<metric_histogram>>(name, help, std::move(bounds)).metric;
}

detail::metric_entry* metrics::find(std::string_view name) const noexcept {
  const auto at = std::ranges::find(entries_, name,
                                    [](const auto& e) -> std::string_view { return e->name(); });
  return at == entries_.end() ? nullptr : at->get();
}

void metrics::throw_taken(std::string_view name) {
  throw std::invalid_argument("a metric is there already: \"" + std::string(name) + '"');
}

void metrics::add(std::unique_ptr<detail::metric_entry> e) {
  const std::lock_guard lock(mutex_);
  if (find(e->name())) throw_taken(e->name());
  entries_.push_back(std::move(e));
}

std::string metrics::text() const {
  std::string out;
  const std::lock_guard lock(mutex_);
  for (const auto& e : entries_) e->write(out);
  return out;
}

std::vector<double> metrics::seconds() {
  return {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
}

}  // namespace rondo
