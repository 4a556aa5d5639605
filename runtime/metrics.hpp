// metrics: a program's numbers, as Prometheus reads them.
//
//   rondo::metrics m;
//   rondo::metric_counter& jobs = m.counter("app_jobs_total", "Jobs done.");
//   jobs.add();
//   std::string page = m.text();
//
// A counter, gauge or histogram is there as long as the registry and may be used by any thread: an
// atomic addition, without a lock and without an allocation. Only who makes one, and who asks for
// the page, takes the registry's lock.
//
// What is counted apart by labels is a family. A label is a type of its own that has few values,
// and says how many; a string is none. So no URL, no user and no id ever becomes a label, and what
// a family can grow to is known when it is made:
//
//   struct color {                                       // metric_label
//     static constexpr std::string_view label = "color";
//     static constexpr std::size_t count = 3;            // its values are 0, 1 and 2
//     std::size_t at;
//     std::size_t index() const { return at; }
//     std::string_view text() const;
//   };
//   auto& cars = m.counters<color>("app_cars_total", "Cars seen.");
//   cars.with(color{1}).add();
//
// Even so a family makes 1,000 series at most; whatever comes then is counted in one more, whose
// labels say "other".
#pragma once

#include <rondo/version.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo {

class metrics;

// What goes up.
class metric_counter {
 public:
  metric_counter() = default;
  metric_counter(const metric_counter&) = delete;
  metric_counter& operator=(const metric_counter&) = delete;
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What goes up and down.
class metric_gauge {
 public:
  metric_gauge() = default;
  metric_gauge(const metric_gauge&) = delete;
  metric_gauge& operator=(const metric_gauge&) = delete;
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// How many values lie below each bound, and their sum.
class metric_histogram {
 public:
  // Upper bounds, inclusive and rising, which stay where they are; a last bucket takes the rest.
  explicit metric_histogram(std::span<const double> bounds);
  metric_histogram(const metric_histogram&) = delete;
  metric_histogram& operator=(const metric_histogram&) = delete;

  // Values that are NaN are left out.
  void observe(double value) noexcept;
  std::uint64_t count() const noexcept;
  double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

  std::span<const double> bounds() const noexcept { return bounds_; }
  // Of bucket i alone, up to bounds().size() inclusive.
  std::uint64_t in_bucket(std::size_t i) const noexcept {
    return counts_[i].load(std::memory_order_relaxed);
  }

 private:
  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// A label's value: a type with few of them.
template <class L>
concept metric_label = requires(const L& l) {
  { L::label } -> std::convertible_to<std::string_view>;
  { L::count } -> std::convertible_to<std::size_t>;
  { l.index() } -> std::convertible_to<std::size_t>;  // below count
  { l.text() } -> std::convertible_to<std::string_view>;
};

namespace detail {

enum class metric_kind : std::uint8_t { counter, gauge, histogram };

// Its address stands for the type.
template <class E>
inline constexpr char metric_type = 0;

// What a name stands for: one number, or one for each combination of labels.
class metric_entry {
 public:
  // For metric_family.
  metric_entry(std::string_view name, std::string_view help, metric_kind kind);
  metric_entry(const metric_entry&) = delete;
  metric_entry& operator=(const metric_entry&) = delete;
  virtual ~metric_entry() = default;

  const void* type = nullptr;  // &metric_type of what it is: users may build without RTTI

  const std::string& name() const noexcept { return name_; }
  // Appends it as Prometheus reads it.
  void write(std::string& out) const;

 protected:
  virtual void write_series(std::string& out) const = 0;

 private:
  std::string name_;
  std::string help_;
  metric_kind kind_;
};

// `labels` is `a="x",b="y"`, or empty.
void write_metric(std::string& out, std::string_view name, std::string_view labels, double value);
void write_metric(std::string& out, std::string_view name, std::string_view labels,
                  const metric_counter& c);
void write_metric(std::string& out, std::string_view name, std::string_view labels,
                  const metric_gauge& g);
void write_metric(std::string& out, std::string_view name, std::string_view labels,
                  const metric_histogram& h);
// Puts `name="value"` behind what is there.
void append_metric_label(std::string& out, std::string_view name, std::string_view value);

// The series of a family: a table that is only added to, so that it is read without a lock.
class metric_series {
 public:
  struct series {
    series(std::uint64_t k, std::string l) : key(k), labels(std::move(l)) {}
    series(const series&) = delete;
    series& operator=(const series&) = delete;
    virtual ~series() = default;
    std::uint64_t key;
    std::string labels;
  };
  struct maker {
    virtual std::unique_ptr<series> make(std::uint64_t key) = 0;

   protected:
    ~maker() = default;
  };

  // `most`: beyond so many series there is one more for all others.
  explicit metric_series(std::size_t most);
  metric_series(const metric_series&) = delete;
  metric_series& operator=(const metric_series&) = delete;
  ~metric_series();

  // That of `key`. A new one is made by `m`; that for all others with the key `others`. Throws
  // std::bad_alloc.
  series& get(std::uint64_t key, maker& m);
  // In the order of their labels.
  std::vector<const series*> all() const;
  // Times that get() gave the one for all others.
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  static constexpr std::size_t usual_most = 1000;
  static constexpr std::uint64_t others = ~std::uint64_t{0};

 private:
  std::size_t most_;
  std::size_t mask_;
  std::unique_ptr<std::atomic<series*>[]> slots_;
  std::atomic<std::size_t> count_{0};
  std::atomic<series*> rest_{nullptr};
  std::atomic<std::uint64_t> dropped_{0};
};

template <class M>
constexpr metric_kind kind_of_metric() noexcept {
  if constexpr (std::is_same_v<M, metric_counter>)
    return metric_kind::counter;
  else if constexpr (std::is_same_v<M, metric_gauge>)
    return metric_kind::gauge;
  else
    return metric_kind::histogram;
}

// Only a histogram has bounds, which stay where they are.
template <class M>
M make_metric(const std::vector<double>& bounds) {
  if constexpr (std::is_same_v<M, metric_histogram>)
    return M(bounds);
  else
    return M();
}

}  // namespace detail

// Metrics of one name, told apart by labels.
template <class M, metric_label... L>
class metric_family final : public detail::metric_entry {
 public:
  // For rondo::metrics, which makes them.
  metric_family(std::string_view name, std::string_view help, std::vector<double> bounds)
      : metric_entry(name, help, detail::kind_of_metric<M>()),
        bounds_(std::move(bounds)),
        series_(most()) {}

  // The one with these labels, there as long as the registry. The first time that they are asked
  // for makes it, and may throw std::bad_alloc.
  M& with(const L&... l) {
    std::uint64_t key = 0;
    ((key = key * L::count + l.index()), ...);
    struct make_it final : detail::metric_series::maker {
      std::unique_ptr<detail::metric_series::series> make(std::uint64_t k) override {
        std::string text;
        if (k == detail::metric_series::others)
          (detail::append_metric_label(text, L::label, "other"), ...);
        else
          write_labels(text);
        return std::make_unique<one>(k, std::move(text), family->bounds_);
      }
      void write_labels(std::string& text) const {
        std::apply(
            [&](const L*... each) {
              (detail::append_metric_label(text, L::label, each->text()), ...);
            },
            labels);
      }
      std::tuple<const L*...> labels;
      metric_family* family = nullptr;
    } maker;
    maker.labels = {&l...};
    maker.family = this;
    return static_cast<one&>(series_.get(key, maker)).metric;
  }

  // How often there were too many series, and "other" was counted in place of what was.
  std::uint64_t dropped() const noexcept { return series_.dropped(); }

 private:
  struct one final : detail::metric_series::series {
    one(std::uint64_t k, std::string l, const std::vector<double>& bounds)
        : series(k, std::move(l)), metric(detail::make_metric<M>(bounds)) {}
    M metric;
  };
  static constexpr std::size_t most() noexcept {
    std::size_t product = 1;
    for (const std::size_t n : {static_cast<std::size_t>(L::count)...})
      product = n == 0 || product > detail::metric_series::usual_most ? product : product * n;
    return product < detail::metric_series::usual_most ? product
                                                       : detail::metric_series::usual_most;
  }
  void write_series(std::string& out) const override {
    for (const detail::metric_series::series* s : series_.all())
      detail::write_metric(out, name(), s->labels, static_cast<const one*>(s)->metric);
  }

  std::vector<double> bounds_;
  detail::metric_series series_;
};

// The registry. All of it may be used by any thread.
class metrics {
 public:
  metrics() = default;
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;
  ~metrics() = default;

  // Each gives what has this name, and makes it the first time. Throws std::invalid_argument when
  // the name is none of Prometheus' ([a-zA-Z_:][a-zA-Z0-9_:]*), or stands for something else
  // already. By its habit a counter's name ends in _total and a unit stands in the name: _seconds.
  metric_counter& counter(std::string_view name, std::string_view help);
  metric_gauge& gauge(std::string_view name, std::string_view help);
  metric_histogram& histogram(std::string_view name, std::string_view help,
                              std::vector<double> bounds = seconds());
  template <metric_label... L>
  metric_family<metric_counter, L...>& counters(std::string_view name, std::string_view help) {
    return get<metric_family<metric_counter, L...>>(name, help, {});
  }
  template <metric_label... L>
  metric_family<metric_gauge, L...>& gauges(std::string_view name, std::string_view help) {
    return get<metric_family<metric_gauge, L...>>(name, help, {});
  }
  template <metric_label... L>
  metric_family<metric_histogram, L...>& histograms(std::string_view name, std::string_view help,
                                                    std::vector<double> bounds = seconds()) {
    return get<metric_family<metric_histogram, L...>>(name, help, std::move(bounds));
  }

  // Numbers that are there already: `read` is () -> a number, and called for each page, in the
  // thread that makes it, which must not make another page meanwhile. Throws std::invalid_argument
  // as above, and when the name is there already.
  template <std::invocable Read>
  void read_gauge(std::string_view name, std::string_view help, Read read) {
    add(std::make_unique<read_metric<Read>>(name, help, detail::metric_kind::gauge,
                                            std::move(read)));
  }
  template <std::invocable Read>
  void read_counter(std::string_view name, std::string_view help, Read read) {
    add(std::make_unique<read_metric<Read>>(name, help, detail::metric_kind::counter,
                                            std::move(read)));
  }
  // For the library: an entry of its own kind, made the first time.
  template <std::derived_from<detail::metric_entry> E>
  E& entry(std::string_view name, std::string_view help) {
    return get<E>(name, help, {});
  }

  // All of it in Prometheus' text format, version 0.0.4, in the order in which it was made.
  [[nodiscard]] std::string text() const;

  // From 5 ms to 10 s, as OpenTelemetry's conventions have it for requests.
  static std::vector<double> seconds();

 private:
  void add(std::unique_ptr<detail::metric_entry> e);

  template <class Read>
  class read_metric final : public detail::metric_entry {
   public:
    read_metric(std::string_view name, std::string_view help, detail::metric_kind k, Read r)
        : metric_entry(name, help, k), read_(std::move(r)) {}

   private:
    void write_series(std::string& out) const override {
      detail::write_metric(out, name(), "", static_cast<double>(read_()));
    }
    mutable Read read_;
  };

  template <class E>
  E& get(std::string_view name, std::string_view help, std::vector<double> bounds) {
    const std::lock_guard lock(mutex_);
    if (detail::metric_entry* there = find(name)) {
      if (there->type == &detail::metric_type<E>) return static_cast<E&>(*there);
      throw_taken(name);
    }
    auto made = std::make_unique<E>(name, help, std::move(bounds));
    made->type = &detail::metric_type<E>;
    E& result = *made;
    entries_.push_back(std::move(made));
    return result;
  }
  detail::metric_entry* find(std::string_view name) const noexcept;
  [[noreturn]] static void throw_taken(std::string_view name);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<detail::metric_entry>> entries_;
};

}  // namespace rondo
