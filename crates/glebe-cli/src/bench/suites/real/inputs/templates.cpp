// Containers of containers, instantiated for types that are told apart by a number.
#include <algorithm>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <unsigned N>
struct Tag {
    unsigned value = N;
    bool operator<(const Tag &other) const { return value < other.value; }
};

template <std::size_t N>
struct Sum {
    template <typename... T>
    static auto of(const std::tuple<T...> &t) { return std::get<N - 1>(t) + Sum<N - 1>::of(t); }
};
template <>
struct Sum<0> {
    template <typename... T>
    static std::size_t of(const std::tuple<T...> &) { return 0; }
};

template <std::size_t... I>
std::size_t summed(std::index_sequence<I...>) { return Sum<sizeof...(I)>::of(std::tuple(I...)); }

template <typename T>
std::size_t use(unsigned n) {
    std::map<T, std::vector<std::string>> ordered;
    std::unordered_map<unsigned, std::deque<std::pair<T, std::string>>> hashed;
    std::set<std::tuple<T, unsigned>> set;
    std::vector<std::variant<T, std::string, std::list<T>>> variants;
    std::vector<std::unique_ptr<T>> owned;
    for (unsigned i = 0; i < n; i++) {
        ordered[T{i}].emplace_back(i, 'x');
        hashed[i].emplace_back(T{i}, std::to_string(i));
        set.emplace(T{i}, i);
        variants.emplace_back(std::list<T>(i));
        owned.push_back(std::make_unique<T>());
    }
    std::sort(owned.begin(), owned.end(), [](auto &a, auto &b) { return *a < *b; });
    std::function<std::size_t(std::size_t)> add = [&](std::size_t x) { return x + ordered.size(); };
    for (auto &one : variants)
        n += std::visit([](auto &held) { return unsigned(sizeof(held)); }, one);
    return add(n) + hashed.size() + set.size() + summed(std::make_index_sequence<40>());
}

