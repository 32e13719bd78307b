/* A plugin that is loaded and unloaded again and again by plugins.c: static objects, thread_local
 * objects with destructors, blocks given to the program and taken from it. */
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

struct Cache {
    std::map<int, std::string> entries;
    Cache() {
        for (int i = 0; i < 50; i++) {
            entries[i] = std::string(100, 'c');
        }
    }
    ~Cache() {
        std::vector<char> last_words(5000, 'l');
        entries[51] = std::string(last_words.begin(), last_words.end());
    }
};

Cache of_the_plugin;
thread_local std::unique_ptr<Cache> of_the_thread;

} // namespace

/* Returns a block that the caller must free, after the plugin is gone if it likes. */
extern "C" char *plugin_work(char *given) {
    of_the_thread = std::make_unique<Cache>();
    std::string all;
    for (auto &[number, text] : of_the_plugin.entries) {
        all += text + std::to_string(number);
    }
    free(given);
    return strdup(all.c_str());
}
