using System.Text.Json;
using MiniTorch.Bundle;

namespace MiniTorch.Tests.Bundle;

/// <summary>Lines as dcls bench and race.py write them, and the rows that a reader would write by hand.</summary>
public sealed class RaceTableTests
{
    static JsonElement Line(string text) => JsonDocument.Parse(text).RootElement;

    [Fact]
    public void A_step_is_our_slower_turn_beside_the_fastest_of_theirs()
    {
        JsonElement first = Line("""{"batch":128,"median_ms":50,"min_ms":49,"max_ms":52.5,"peak_mb":6000,"floor_ms":15}"""), second = Line("""{"batch":128,"median_ms":40,"min_ms":39.5,"max_ms":41,"peak_mb":6001,"floor_ms":15}""");
        JsonElement[] theirs = [Line("""{"way":"official","median_ms":200,"peak_mb":9000}"""), Line("""{"way":"best","median_ms":100,"peak_mb":8000}"""), Line("""{"way":"compiled","error":"OutOfMemoryError: CUDA out of memory"}""")];
        Assert.Equal("| convnext_dcls_tiny | bf16 | 50.0 | 39.5–52.5 | 30 % | 200.0 | 100.0 | - | 2.00x | 4.00x | 2560.0 | 6000.0 | 8000.0 |\n", RaceTable.Step("convnext_dcls_tiny", "bf16", first, second, theirs));
        Assert.Equal("| m | tf32 | - | - | - | - | - | - | - | - | - | - | - |\n", RaceTable.Step("m", "tf32", null, null, []));
        Assert.Equal("| m | tf32 | - | - | - | 200.0 | 100.0 | - | - | - | - | - | 8000.0 |\n", RaceTable.Step("m", "tf32", null, null, theirs));
    }

    [Fact]
    public void An_operation_names_the_form_that_was_fastest()
    {
        JsonElement ours = Line("""{"name":"dw_fwd","median_ms":0.1,"min_ms":0.09,"max_ms":0.3,"bound_ms":0.06}"""), again = Line("""{"name":"dw_fwd","median_ms":0.125,"min_ms":0.12,"max_ms":0.2,"bound_ms":0.06}""");
        JsonElement[] theirs = [Line("""{"way":"official","median_ms":2,"min_ms":1.9,"max_ms":2.5}"""), Line("""{"way":"fft","error":"RuntimeError: Unsupported dtype BFloat16"}"""), Line("""{"way":"channels_last","median_ms":0.5,"min_ms":0.4,"max_ms":0.75}""")];
        Assert.Equal("| dw_fwd | N128 C96 H56 k17 | bf16 | 0.125 | 0.090–0.300 | 48 % | 2.000 | 0.500 | channels_last | 0.400–0.750 | 4.00x | 16.00x |\n", RaceTable.Kernel("dw_fwd", "N128 C96 H56 k17", "bf16", ours, again, theirs));
        Assert.Equal("| dw_fwd | s | bf16 | 0.100 | 0.090–0.300 | 60 % | - | - | - | - | - | - |\n", RaceTable.Kernel("dw_fwd", "s", "bf16", ours, null, []));
    }

    [Fact]
    public void Rows_have_as_many_cells_as_columns()
    {
        foreach ((string columns, string row) in new[] { (RaceTable.StepColumns, RaceTable.Step("m", "bf16", null, null, [])), (RaceTable.KernelColumns, RaceTable.Kernel("w", "s", "bf16", null, null, [])) })
            Assert.All(columns.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Equal(row.Count(static c => c == '|'), line.Count(static c => c == '|')));
    }
}
