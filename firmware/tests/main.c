/* Runs all unit tests; the first failed check ends it with status 1. */
#include "check.h"

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } groups[] = {
        {"numbers", test_numbers},   {"frames", test_frames},     {"timers", test_timers},
        {"life", test_life},         {"outputs", test_outputs},   {"steppers", test_steppers},
        {"triggers", test_triggers}, {"inputs", test_inputs},     {"buses", test_buses},
    };
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        groups[i].run();
        printf("%s ok\n", groups[i].name);
    }
    return 0;
}
