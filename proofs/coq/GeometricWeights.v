(* T1 and T2: the weights of an exponential moving average sum to the bias correction.
   Both hold for every real decay rate and every t; no hypothesis at all. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam.
Open Scope R_scope.

Lemma sum_to_scale : forall c f t, sum_to (fun i => c * f i) t = c * sum_to f t.
Proof. intros c f t. induction t as [|n IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_to_ext : forall f h t,
  (forall i, (1 <= i <= t)%nat -> f i = h i) -> sum_to f t = sum_to h t.
Proof.
  intros f h t. induction t as [|n IH]; intros H; [reflexivity|].
  simpl. rewrite IH by (intros; apply H; lia). rewrite H by lia. reflexivity.
Qed.

(* One more step multiplies all older weights by b. *)
Lemma weighted_step : forall b x n,
  sum_to (fun i => b ^ (S n - i) * x i) (S n) = b * sum_to (fun i => b ^ (n - i) * x i) n + x (S n).
Proof.
  intros b x n. rewrite <- sum_to_scale.
  cbn [sum_to]. f_equal.
  - apply sum_to_ext. intros i Hi.
    replace (S n - i)%nat with (S (n - i)) by lia. simpl. ring.
  - replace (S n - S n)%nat with 0%nat by lia. simpl. ring.
Qed.

(** T1, its step, with p standing for b^t. *)
Theorem weight_step : forall b p, b * (1 - p) + (1 - b) = 1 - b * p.
Proof. intros b p. ring. Qed.

(** T1: (1 - b) (b^(t-1) + ... + b + 1) = 1 - b^t. *)
Theorem geometric_weights : forall b t,
  (1 - b) * sum_to (fun i => b ^ (t - i)) t = 1 - b ^ t.
Proof.
  intros b t.
  rewrite (sum_to_ext _ (fun i => b ^ (t - i) * 1)) by (intros; ring).
  induction t as [|n IH]; [simpl; ring|].
  rewrite (weighted_step b (fun _ => 1) n). simpl (b ^ S n).
  rewrite <- weight_step, <- IH. ring.
Qed.

(** The same sum read from its newest weight. *)
Theorem geometric_sum : forall b t, (1 - b) * sum_below (pow b) t = 1 - b ^ t.
Proof.
  intros b t. induction t as [|n IH]; [simpl; ring|].
  cbn [sum_below pow]. rewrite Rmult_plus_distr_l, IH. ring.
Qed.

(** T2: the closed forms of both moments. *)
Theorem m_closed_form : forall b1 g t,
  m b1 g t = (1 - b1) * sum_to (fun i => b1 ^ (t - i) * g i) t.
Proof.
  intros b1 g t. induction t as [|n IH]; [simpl; ring|].
  rewrite weighted_step. simpl. rewrite IH. ring.
Qed.

Theorem v_closed_form : forall b2 g t,
  v b2 g t = (1 - b2) * sum_to (fun i => b2 ^ (t - i) * g i ^ 2) t.
Proof.
  intros b2 g t. induction t as [|n IH]; [simpl; ring|].
  rewrite (weighted_step b2 (fun i => g i ^ 2)). cbn [v]. rewrite IH. ring.
Qed.

Print Assumptions weight_step.
Print Assumptions geometric_weights.
Print Assumptions geometric_sum.
Print Assumptions m_closed_form.
Print Assumptions v_closed_form.
