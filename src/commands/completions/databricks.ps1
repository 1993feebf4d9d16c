# PowerShell completion of databricks
Register-ArgumentCompleter -Native -CommandName databricks -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | Select-Object -Skip 1 | ForEach-Object { $_.Extent.Text.Trim("'", '"') })
  $program = $commandAst.CommandElements[0].Extent.Text.Trim("'", '"')
  $current = $wordToComplete.Trim("'", '"')
  # Windows PowerShell passes no empty argument on, so the word that is typed has a flag before it.
  & $program __complete "--current=$current" '--' @words 2>$null | ForEach-Object {
    $name, $meaning = $_ -split [char]9, 2
    $quoted = if ($name -match '^[\w@%+=:,./-]+$') { $name } else { "'" + $name.Replace("'", "''") + "'" }
    $tip = if ($meaning) { $meaning } else { $name }
    [System.Management.Automation.CompletionResult]::new($quoted, $name, 'ParameterValue', $tip)
  }
}
