from django.urls import URLPattern, path

from portal.views import freezes, kill_switch, run_orders

urlpatterns: list[URLPattern] = [
    path("changes/<int:change_id>/pause/", run_orders.pause, name="run-pause"),
    path("changes/<int:change_id>/resume/", run_orders.resume, name="run-resume"),
    path("changes/<int:change_id>/stop-after-wave/", run_orders.stop_after_wave, name="run-stop-after-wave"),
    path("changes/<int:change_id>/abort/", run_orders.abort, name="run-abort"),
    path("changes/<int:change_id>/retry/", run_orders.retry, name="run-retry"),
    path("changes/<int:change_id>/skip/<int:device_run_id>/", run_orders.skip, name="run-skip"),
    path("freezes/", freezes.freezes, name="freezes"),
    path("freezes/declare/", freezes.freeze_declare, name="freeze-declare"),
    path("freezes/<int:freeze_id>/lift/", freezes.freeze_lift, name="freeze-lift"),
    path("kill-switch/", kill_switch.kill_switch, name="kill-switch"),
    path("kill-switch/engage/", kill_switch.kill_switch_engage, name="kill-switch-engage"),
    path("kill-switch/release/", kill_switch.kill_switch_release, name="kill-switch-release"),
]
