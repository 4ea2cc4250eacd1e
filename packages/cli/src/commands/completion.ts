import { Argument, type Command } from 'commander';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

/** `skep completion` */
export function define(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .action((shell: (typeof shells)[number]) => out(scripts[shell]));
  examples(
    command,
    'skep completion bash > /etc/bash_completion.d/skep',
    "skep completion zsh  > '/usr/local/share/zsh/site-functions/_skep'",
    'skep completion fish > ~/.config/fish/completions/skep.fish',
    'source <(skep completion bash)          only in this shell',
  );
}

/**
 * Each script asks `skep __complete WORDS…`, which answers a candidate a line, its meaning after a tab, and a last
 * line `:files` when files fit too.
 */
const scripts: Record<(typeof shells)[number], string> = {
  // Bash parts words at ':' and '=', references have both: the line itself is read instead, and what stands before
  // the last such character is taken off the candidates again.
  bash: `# skep completion for bash
_skep() {
  local line=\${COMP_LINE:0:COMP_POINT} cur answer prefix
  local -a words files
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=\${words[-1]}
  COMPREPLY=()
  while IFS= read -r answer; do
    if [[ $answer == :files ]]; then
      local IFS=$'\\n'
      files=($(compgen -f -- "$cur"))
    else
      COMPREPLY+=("\${answer%%$'\\t'*}")
    fi
  done < <(command "\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  # Folders get their slash then, and names a backslash before their colon: only where all are files.
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o filenames 2>/dev/null
  COMPREPLY+=("\${files[@]}")
  if [[ $cur == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then
    prefix=\${cur%"\${cur##*[:=]}"}
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _skep skep
`,
  zsh: `#compdef skep
# skep completion for zsh
_skep() {
  local answer name
  local -a candidates
  local files=0
  for answer in "\${(@f)$(\${words[1]} __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $answer == :files ]]; then
      files=1
    elif [[ -n $answer ]]; then
      name=\${answer%%$'\\t'*}
      name=\${name//:/\\\\:}
      if [[ $answer == *$'\\t'* ]]; then candidates+=("$name:\${answer#*$'\\t'}"); else candidates+=("$name"); fi
    fi
  done
  (( \${#candidates} )) && _describe -t skep skep candidates
  (( files )) && _files
  return 0
}
if [[ \${funcstack[1]} == _skep ]]; then _skep "$@"; else compdef _skep skep; fi
`,
  fish: `# skep completion for fish
function __skep_complete
    set -l words (commandline -opc) (commandline -ct)
    for answer in (command $words[1] __complete -- $words[2..-1] 2>/dev/null)
        if test "$answer" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $answer
        end
    end
end
complete -c skep -f -a '(__skep_complete)'
`,
};
