// A C++ program that is heavy to compile (templates) and to run (containers, strings, threads).
#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

template <std::size_t N>
struct Fold {
    template <typename... T>
    static auto apply(const std::tuple<T...> &t) {
        return std::get<N - 1>(t) + Fold<N - 1>::apply(t);
    }
};
template <>
struct Fold<0> {
    template <typename... T>
    static std::size_t apply(const std::tuple<T...> &) { return 0; }
};

template <std::size_t... I>
std::size_t folded(std::index_sequence<I...>) {
    return (Fold<sizeof...(I)>::apply(std::make_tuple((I * 3 + 1)...)));
}

struct Node {
    std::string name;
    std::vector<std::unique_ptr<Node>> children;
    std::weak_ptr<int> shared;
    std::variant<int, std::string, std::vector<double>> value;
};

struct alignas(256) Wide {
    char bytes[256];
};

static std::unique_ptr<Node> tree(unsigned depth, unsigned &seed, std::shared_ptr<int> shared) {
    auto node = std::make_unique<Node>();
    seed = seed * 1664525u + 1013904223u;
    node->name = std::string(seed % 60, 'n');
    node->shared = shared;
    if (seed & 1) node->value = std::string(seed % 90, 'v');
    else node->value = std::vector<double>(seed % 40, 0.5);
    for (unsigned i = 0; depth && i < 5; i++)
        node->children.push_back(tree(depth - 1, seed, shared));
    return node;
}

static std::size_t weigh(const Node &node) {
    std::size_t sum = node.name.size() + node.value.index();
    for (const auto &child : node.children) sum += weigh(*child);
    return sum;
}

static std::size_t churn(unsigned seed) {
    std::map<std::string, std::list<int>> ordered;
    std::unordered_map<int, std::deque<std::string>> hashed;
    std::multiset<std::pair<int, std::string>> set;
    for (int i = 0; i < 40000; i++) {
        seed = seed * 1664525u + 1013904223u;
        ordered["key" + std::to_string(seed % 900)].push_back(i);
        auto &deque = hashed[seed % 700];
        deque.emplace_back(seed % 100, 'd');
        if (deque.size() > 20) deque.pop_front();
        set.emplace(seed % 1000, std::string(seed % 30, 's'));
        if (set.size() > 5000) set.erase(set.begin());
    }
    std::size_t sum = set.size();
    for (auto &[key, list] : ordered) sum += key.size() * list.size();
    for (auto &[key, deque] : hashed)
        for (auto &text : deque) sum += text.size() ^ static_cast<std::size_t>(key);
    return sum;
}

int main() {
    std::cout << folded(std::make_index_sequence<60>()) << '\n';
    auto shared = std::make_shared<int>(7);
    unsigned seed = 5;
    std::cout << weigh(*tree(6, seed, shared)) << ' ' << shared.use_count() << '\n';

    std::vector<std::future<std::size_t>> futures;
    for (unsigned i = 0; i < 6; i++) futures.push_back(std::async(std::launch::async, churn, i));
    for (auto &future : futures) std::cout << future.get() << '\n';

    std::string text;
    for (int i = 0; i < 2000; i++) text += "item" + std::to_string(i * i) + (i % 3 ? ", " : ";\n");
    std::regex pattern("item([0-9]*)([05])[,;]");
    std::size_t matches = 0;
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
        matches += (*it)[1].length();
    std::cout << matches << '\n';

    std::vector<std::unique_ptr<Wide>> wide;
    bool aligned = true;
    for (int i = 0; i < 1000; i++) {
        wide.push_back(std::make_unique<Wide>());
        aligned &= reinterpret_cast<std::uintptr_t>(wide.back().get()) % alignof(Wide) == 0;
    }
    std::cout << std::boolalpha << aligned << '\n';

    std::size_t caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            throw std::runtime_error(std::string(static_cast<std::size_t>(i), 'e'));
        } catch (const std::exception &error) {
            caught += std::string(error.what()).size();
        }
    }
    std::cout << caught << '\n';
}
