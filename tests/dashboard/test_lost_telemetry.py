"""What the pipeline's panel says of losses and of what was sent again."""

from dashboard.answers import Drop, FailedMetricExport, PipelineHealth, Retry
from dashboard.lost_telemetry import dropped, sent_again
from tests.dashboard.monitoring_api import HOSTILE


def test_nothing_lost_and_nothing_sent_again() -> None:
    """Zeros are nothing, too."""
    for health in (PipelineHealth(status="ok"), PipelineHealth(status="ok", drops=(Drop(),), retries=(Retry(),))):
        assert dropped(health) == "nothing"
        assert sent_again(health) == ""


def test_a_loss_names_its_process_and_its_cause() -> None:
    """The greatest first; an answer without process and detail is read, too."""
    health = PipelineHealth(
        status="degraded",
        drops=(
            Drop(service="shop", signal="logs", stage="sdk", reason="queue_full", count=2),
            Drop(
                service="shop",
                instance="i1",
                signal="spans",
                stage="sdk",
                reason="export_failed",
                detail="503",
                count=12,
            ),
        ),
    )
    assert dropped(health).replace("\\", "") == (
        "12 spans of shop, process i1 (sdk: export_failed, 503); 2 logs of shop (sdk: queue_full)"
    )


def test_what_was_sent_again_names_its_process() -> None:
    """Retries, and metrics that the next export said again."""
    health = PipelineHealth(
        status="ok",
        retries=(Retry(service="shop", instance="i1", signal="spans", count=7),),
        failed_metric_exports=(FailedMetricExport(service="shop", instance="i2", detail="ReadTimeout", count=3),),
    )
    assert sent_again(health).replace("\\", "") == (
        "7 × spans of shop, process i1; 3 × metrics, by the next export, of shop, process i2 (ReadTimeout)"
    )


def test_many_losses_are_summed_up() -> None:
    """A service with a hundred workers does not fill the page."""
    drops = tuple(
        Drop(service="s", instance=f"i{number}", signal="spans", stage="sdk", reason="queue_full", count=number)
        for number in range(1, 101)
    )
    text = dropped(PipelineHealth(status="degraded", drops=drops))
    assert text.startswith("100 spans of s, process i100 ")
    assert text.endswith("; and 94 more")


def test_names_from_data_are_escaped_and_cut() -> None:
    """Whatever a process calls itself."""
    hostile = Drop(service=HOSTILE, instance=HOSTILE, signal=HOSTILE, stage=HOSTILE, reason=HOSTILE, detail=HOSTILE)
    text = dropped(PipelineHealth(status="degraded", drops=(hostile.model_copy(update={"count": 1}),)))
    assert "**bold**" not in text
    assert "<script>" not in text
    assert len(text) < 2_500
